"""Checks of a schedule that a person adds or edits: anything that cannot work is refused."""

from collections.abc import Sequence
from pathlib import Path

from qwenq.actions import text_fields
from qwenq.actions.request import JobRequest
from qwenq.exporting import FileStyle, check_not_read, check_outputs
from qwenq.notices.sending import secret_of
from qwenq.notices.targets import check_target
from qwenq.producer.object_stores import checked_name, is_url
from qwenq.producer.opening import checked_prompts
from qwenq.producer.reading.sources.access import Access
from qwenq.producer.reading.sources.finding import check_name
from qwenq.schedules.outputs import check_pattern, checked_output, example_outputs, style_of
from qwenq.schedules.processes.trial import try_in_process
from qwenq.schemas.errors import InvalidParameter, OutputNotWritable
from qwenq.schemas.schedules import RunPolicy, Schedule, ScheduledRequest
from qwenq.schemas.settings import Settings

PLACES_SECONDS = 10.0
"""How long adding a schedule waits for the places of its inputs and outputs."""


def checked_schedule(
    name: str, request: JobRequest, policy: RunPolicy, settings: Settings, before: Schedule | None = None
) -> tuple[ScheduledRequest, RunPolicy]:
    """Check what a schedule of this name would submit, and where its answers go. Raises UsageError.

    Returns both with absolute paths, because beat may run in another folder. `before` is the schedule that is edited:
    places that stay are not tried again, because Flower may run on another machine than beat.
    """
    policy = _absolute(policy)
    _check_names(name, request.files, policy)
    places = tuple(map(_whole, request.files)), policy.output, policy.errors
    if before is None or places != (before.request.inputs, before.policy.output, before.policy.errors):
        _check_places_in_process(name, request.files, policy, settings)
    if before is None or policy.notify != before.policy.notify:
        _check_notify(policy, settings)
    spec = request.specify(settings)
    checked_prompts(spec)
    scheduled = ScheduledRequest(
        inputs=tuple(map(_whole, request.files)),
        format=request.format,
        sheet=request.sheet,
        follow_links=request.follow_links,
        tables=request.tables,
        allow_partial=request.allow_partial,
        spec=spec.model_copy(update={"reuse": True, "name": name, "idempotency_key": None}),
    )
    return scheduled, policy


def _check_names(name: str, inputs: Sequence[str], policy: RunPolicy) -> None:
    if not name.strip(" .") or "/" in name or not name.isprintable():
        reason = "it must be printable and without a slash, because files are named after it"
        raise InvalidParameter(name="the schedule's name", reason=reason)
    texts = {"the schedule's name": name, "--output": policy.output, "--errors": policy.errors}
    for parameter, value in (
        *texts.items(),
        *(("--notify", one) for one in policy.notify),
        *(("--input", one) for one in inputs),
    ):
        text_fields.check_name(parameter, value)
    check_pattern("--output", policy.output)
    if policy.errors is not None:
        check_pattern("--errors", policy.errors)


def _check_places_in_process(name: str, inputs: Sequence[str], policy: RunPolicy, settings: Settings) -> None:
    outputs = example_outputs(name, policy)
    trial = try_in_process(PLACES_SECONDS, _check_places, list(inputs), outputs, style_of(policy), settings)
    if trial.lost is not None:
        raise OutputNotWritable(path=outputs[0], reason=trial.lost)
    if trial.error is not None:
        raise trial.error


def _check_notify(policy: RunPolicy, settings: Settings) -> None:
    for url in policy.notify:
        check_target("--notify", url)
    if policy.notify:
        secret_of(settings)


def _check_places(
    inputs: Sequence[str], outputs: Sequence[str], style: FileStyle, settings: Settings
) -> None:
    """Check that inputs and outputs may be used, and that outputs can be written. Raises UsageError."""
    for one in inputs:
        check_name(one, Access(roots=settings.input_roots))
    for output in outputs:
        checked_output(output, settings)
    whole = [_whole(one) for one in inputs]
    check_not_read(outputs, whole)
    check_outputs(outputs, whole, style, outputs[0])


def _absolute(policy: RunPolicy) -> RunPolicy:
    errors = None if policy.errors is None else _whole(policy.errors)
    return policy.model_copy(update={"output": _whole(policy.output), "errors": errors})


def _whole(name: str) -> str:
    name = checked_name(name)
    return name if is_url(name) else str(Path(name).absolute())
