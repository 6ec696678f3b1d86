"""The parts of a job's page, read from the store."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from qwenq.monitor.pages.job_place import JobPlace, unknown_job
from qwenq.monitor.pages.job_view import JobView
from qwenq.monitor.pages.line_plots import LinePlot, progress_plots
from qwenq.schemas.jobs import JobStatus, PromptSpec
from qwenq.schemas.views.job_pages import AnswerPreview, ChunkPage, CutText, FailureGroup, JobDetails
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.jobs.chunk_pages import chunk_page
from qwenq.store.views.jobs.details import job_details
from qwenq.store.views.jobs.failure_groups import failure_groups, may_retry
from qwenq.store.views.jobs.previews import preview_page
from qwenq.store.views.jobs.progress import job_progress
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.document_text import beginning, shortened
from qwenq.wording.standstill import standstill

PAGE_CHUNKS = 10
PAGE_ANSWERS = 10


@dataclass(frozen=True, slots=True)
class AnswerBeside:
    """The beginning of a document's text, and of its answer."""

    preview: AnswerPreview
    document: CutText
    answer: CutText


@dataclass(frozen=True, slots=True)
class AnswersFound:
    """A page of answers. The next page begins after the document `next_after`, None at the end."""

    shown: tuple[AnswerBeside, ...]
    next_after: int | None


def find_job(
    connection: Connection,
    place: JobPlace,
    parts: Iterable[str],
    *,
    with_name: bool,
    broker_trouble: str | None = None,
) -> dict[str, Any]:
    """Read the place's job, and parts of its page by name. Raises UnknownJob."""
    status = job_status(connection, place.job_id)
    if status is None:
        raise unknown_job(place.job_id)
    found = {name: PARTS[name](connection, place, status) for name in parts}
    why = None
    if status.stands_still:
        why = standstill(status, read_fleet(connection, 0).workers, broker_trouble)
    retriable = not status.state.ended or may_retry(connection, place.job_id)
    live = models_alive(connection, ALIVE_SECONDS)
    return {"job": JobView(status, live, with_name, why, retriable), **found}


def _summary(_connection: Connection, _place: JobPlace, status: JobStatus) -> JobStatus:
    return status


def _plots(connection: Connection, place: JobPlace, status: JobStatus) -> list[LinePlot]:
    return progress_plots(job_progress(connection, place.job_id), status)


def _failures(connection: Connection, place: JobPlace, _status: JobStatus) -> list[FailureGroup]:
    return failure_groups(connection, place.job_id)


def _answers(connection: Connection, place: JobPlace, status: JobStatus) -> AnswersFound:
    details = _asked(connection, place, status)
    prompt = details.prompt if details else PromptSpec()
    page = preview_page(connection, place.job_id, place.answers_after, PAGE_ANSWERS)
    shown = tuple(
        AnswerBeside(one, shortened(one.content, prompt), beginning(one.answer)) for one in page.previews
    )
    return AnswersFound(shown, page.next_after)


def _chunks(connection: Connection, place: JobPlace, _status: JobStatus) -> ChunkPage:
    return chunk_page(connection, place.job_id, place.chunks_after, PAGE_CHUNKS, place.chunk_state)


def _asked(connection: Connection, place: JobPlace, _status: JobStatus) -> JobDetails | None:
    return job_details(connection, place.job_id)


PARTS: Mapping[str, Callable[[Connection, JobPlace, JobStatus], Any]] = {
    "summary": _summary,
    "plots": _plots,
    "failures": _failures,
    "answers": _answers,
    "chunks": _chunks,
    "asked": _asked,
}
HIDDEN = frozenset({"answers"})
"""Parts that are not read while text is hidden."""
