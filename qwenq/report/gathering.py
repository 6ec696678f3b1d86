"""Reads a job's report from the store."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from qwenq.report.facts import Asked, Cost, Report, ReportOptions, Sample, Section
from qwenq.schemas.jobs import JobStatus, PromptSpec
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.response_format import ResponseFormat
from qwenq.schemas.views.job_costs import DeviceTime
from qwenq.schemas.views.job_pages import (
    AnswerPreview,
    CutText,
    FailedDocument,
    FailureGroup,
    FailureMessage,
    JobDetails,
)
from qwenq.store.database.clock import moment_of
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.jobs.device_times import device_times
from qwenq.store.views.jobs.distributions import job_distributions
from qwenq.store.views.jobs.failure_groups import failure_groups
from qwenq.store.views.jobs.previews import preview_page
from qwenq.store.views.jobs.progress import job_progress
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.document_text import shortened

SHOWN_SOURCES = 20
_HOUR = 3_600.0
_HIDDEN_FORM = ResponseFormat()


def gather_report(
    connection: Connection, job_id: int, options: ReportOptions, sections: Sequence[Section] = ()
) -> Report | None:
    """Read a job's report; None if there is no such job. `sections` are appended.

    Call it in one snapshot. A million documents take seconds, and no more memory than a few.
    """
    status, details = job_status(connection, job_id), job_details(connection, job_id)
    if status is None or details is None:
        return None
    devices = device_times(connection, job_id)
    failures = failure_groups(connection, job_id)
    return Report(
        made_at=moment_of(connection),
        job=status if options.show_text else status.model_copy(update={"name": ""}),
        asked=_asked(details, options),
        failures=tuple(_discreet(group, options) for group in failures),
        devices=tuple(devices),
        device_seconds=round(sum(device.seconds for device in devices), 3),
        cost=_cost(devices, status, options),
        distributions=job_distributions(connection, job_id),
        progress=job_progress(connection, job_id),
        samples=tuple(_samples(connection, status, details.prompt, options)),
        sections=tuple(sections),
    )


def _asked(details: JobDetails, options: ReportOptions) -> Asked:
    params = details.params
    if not options.with_text:
        params = params.model_copy(update={"response_format": _HIDDEN_FORM, "stop": ()})
    return Asked(
        prompt=details.prompt if options.with_text else None,
        params=params,
        priority=details.priority,
        reuse=details.reuse,
        submitter=details.submitter,
        sources=tuple(map(without_passwords, details.sources[:SHOWN_SOURCES])) if options.show_text else (),
        source_count=len(details.sources),
    )


def _cost(devices: Sequence[DeviceTime], status: JobStatus, options: ReportOptions) -> Cost | None:
    """The cost of the devices' time. Reused answers took no time."""
    if options.gpu_hour_price is None:
        return None
    amount = sum(device.seconds for device in devices) / _HOUR * options.gpu_hour_price
    answered = status.documents.succeeded
    return Cost(
        gpu_hour_price=options.gpu_hour_price,
        currency=options.currency,
        amount=amount,
        per_thousand=1_000 * amount / answered if answered else None,
    )


def _discreet(group: FailureGroup, options: ReportOptions) -> FailureGroup:
    """Remove messages, which may quote documents, unless text is shown; and names too, where settings hide text."""
    if options.with_text:
        return group
    messages = tuple(
        FailureMessage(
            CutText("", one.message.characters),
            one.documents if options.show_text else tuple(map(_nameless, one.documents)),
        )
        for one in group.messages
    )
    return replace(group, messages=messages)


def _nameless(document: FailedDocument) -> FailedDocument:
    """Keep only a document's place in the input: its id and its file's name may name a person."""
    return replace(document, custom_id=None, source="")


def _samples(
    connection: Connection, status: JobStatus, prompt: PromptSpec, options: ReportOptions
) -> Iterator[Sample]:
    """Pick answers at even distances over the input."""
    if not options.with_text:
        return
    after = -1
    for number in range(options.samples):
        place = number * status.documents.total // options.samples
        found = preview_page(connection, status.id, max(after, place - 1), 1).previews
        if not found:
            return
        yield _sample(found[0], prompt)
        after = found[0].seq


def _sample(preview: AnswerPreview, prompt: PromptSpec) -> Sample:
    return Sample(
        custom_id=preview.custom_id,
        document=shortened(preview.content, prompt),
        answer=preview.answer,
        finish_reason=preview.finish_reason,
        completion_tokens=preview.completion_tokens,
        reused=preview.reused,
    )
