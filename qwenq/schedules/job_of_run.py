"""Submits a run as a job, exactly once, even if a process dies half way."""

import logging

from qwenq.exporting.checked_columns import with_kept_columns
from qwenq.producer.enqueuing import enqueue_job
from qwenq.producer.opening import open_input
from qwenq.producer.reading import Access, Format
from qwenq.producer.reading.tables.encodings import GIVE_IT
from qwenq.schedules.cron import local_time
from qwenq.schedules.outputs import checked_output, example_outputs
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.schedules import HeldRun, ScheduledRequest
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import note_job
from qwenq.store.views.jobs.keys import job_of_key

MOST_NOTES = 20
"""So many notes of a run are kept; all are logged."""

_log = logging.getLogger("qwenq.schedules")


def submit_run(store: Store, broker: Broker, settings: Settings, held: HeldRun) -> int:
    """Submit a run that this process holds, then release the run until its job has ended. Returns the job's id.

    Outputs must lie in their roots, too: no work is done that cannot be delivered. Raises UsageError if there is no
    usable input, StoreAway.
    """
    job_id, notes = _stored_before(store, held), _NotesOfRun(held)
    if job_id is None:
        request = held.schedule.request
        for output in example_outputs(held.schedule.name, held.schedule.policy):
            checked_output(output, settings)
        spec, rows = open_input(
            specify(held).keeping(held.schedule.policy.keep_columns),
            format_of(request),
            sheet=request.sheet,
            access=access_of(request, settings),
            tables=request.tables,
            tell=notes.add,
        )
        rows = with_kept_columns(rows, held.schedule.policy.keep_columns)
        job_id = enqueue_job(store, broker, settings, spec, rows).job_id
    with store.writing() as connection:
        note_job(connection, held, job_id, notes.text)
    _log.info(
        Event.RUN_SUBMITTED,
        extra={"schedule": held.schedule.name, "run": held.run.id, "job": job_id},
    )
    return job_id


class _NotesOfRun:
    """Logs what is found out about the inputs of a run, and keeps it for the run's record."""

    def __init__(self, held: HeldRun) -> None:
        self._facts = {"schedule": held.schedule.name, "run": held.run.id}
        self._kept: list[str] = []

    def add(self, note: str) -> None:
        """Add a line."""
        # Behind the advice stand words of the document, which no log shows.
        advice, found, _ = note.partition(GIVE_IT)
        _log.info(Event.RUN_READ, extra={**self._facts, "note": advice + found})
        if len(self._kept) < MOST_NOTES:
            self._kept.append(visible_line(note))

    @property
    def text(self) -> str | None:
        """The lines for the record; None without any."""
        return "\n".join(self._kept) or None


def specify(held: HeldRun) -> JobSpec:
    """Specify the run's job: its name, its inputs, and an idempotency key of its own."""
    schedule = held.schedule
    return schedule.request.spec.model_copy(
        update={
            "name": f"{schedule.name} {local_time(schedule, held.run.named_at)}",
            "sources": schedule.request.inputs,
            "idempotency_key": key_of(held),
        }
    )


def key_of(held: HeldRun) -> str:
    """The idempotency key of a run's job."""
    return f"schedule {held.schedule.id} run {held.run.mark}"


def access_of(request: ScheduledRequest, settings: Settings) -> Access:
    """What a schedule's runs may read."""
    return Access.of(
        settings,
        follow_links=request.follow_links,
        allow_partial=request.allow_partial,
        roots=settings.input_roots,
    )


def format_of(request: ScheduledRequest) -> Format | None:
    """The format of a schedule's inputs; None if their names decide."""
    return None if request.format is None else Format(request.format)


def _stored_before(store: Store, held: HeldRun) -> int | None:
    """Find the run's job if a process stored it and then died. The input may have changed since."""
    with store.reading() as connection:
        keyed = job_of_key(connection, key_of(held))
    return None if keyed is None or keyed.state is JobState.VALIDATING else keyed.job_id
