"""Delivers a run whose job has ended: writes the files, ends the run, stores the notices."""

import logging
from datetime import datetime, timedelta

from qwenq.exporting import write_answers, write_failures
from qwenq.notices.events import run_event
from qwenq.schedules.cron import CronLine, local_time
from qwenq.schedules.outputs import checked_output, errors_file, results_file, style_of
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import HeldRun, RunOutcome
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState, RunState
from qwenq.store.database.clock import moment_of
from qwenq.store.database.store import Store
from qwenq.store.schedules.notices import insert_notices
from qwenq.store.schedules.runs import end_run
from qwenq.store.views.jobs.device_times import device_seconds
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.numbers import counted, number, percent

DELIVERY_PAUSES = (60.0, 300.0, 1_800.0, 7_200.0, 21_600.0)
"""Seconds from an attempt to deliver that failed to the next one. After the last one only a person delivers."""

_log = logging.getLogger("qwenq.schedules")


def deliver_run(store: Store, settings: Settings, held: HeldRun) -> None:
    """Write the answers of a run that this process holds, and end the run.

    Raises OutputNotWritable, OutsideRoots, StoreAway.
    """
    job_id = held.run.job_id
    if job_id is None:
        raise TypeError(held.run)
    with store.reading() as connection:
        status = job_status(connection, job_id)
        seconds = device_seconds(connection, job_id)
    if status is None:
        close_run(
            store,
            settings,
            held,
            failure("job_removed", f"job {job_id} was removed before its answers were delivered"),
        )
        return
    outcome = _outcome(held, status).model_copy(update={"device_seconds": round(seconds, 3)})
    close_run(store, settings, held, _written(store, settings, held, status, outcome))


def close_run(store: Store, settings: Settings, held: HeldRun, outcome: RunOutcome) -> None:
    """End a run and store its notices. Does nothing if another process holds the run by now."""
    # The first failure to deliver is told, and the last; not those between them.
    is_told = not held.run.deliveries or outcome.deliver_at is None
    with store.writing() as connection:
        if not end_run(connection, held, outcome):
            return
        if is_told:
            key = held.run.notice_key(held.run.deliveries + 1)
            status = None if held.run.job_id is None else job_status(connection, held.run.job_id)
            counts = None if status is None else status.documents
            event = run_event(held, outcome, counts, settings)
            insert_notices(connection, key, held.schedule.policy.notify, event)
    facts = {"schedule": held.schedule.name, "run": held.run.id, "job": held.run.job_id}
    if outcome.state is RunState.SUCCEEDED:
        _log.info(Event.RUN_SUCCEEDED, extra=facts)
    else:
        _log.error(Event.RUN_FAILED, extra={**facts, "code": outcome.error_code})


def close_kept(
    store: Store, settings: Settings, held: HeldRun, code: str, reason: str, *, again: bool = False
) -> None:
    """End a run whose answers cannot be written; `reason` is a sentence. Its record says how to get them.

    With `again`, they are delivered later, after growing pauses, until DELIVERY_PAUSES are used up.
    """
    job_id, tried = held.run.job_id, held.run.deliveries
    with store.reading() as connection:
        status = None if job_id is None else job_status(connection, job_id)
        seconds = 0.0 if job_id is None else device_seconds(connection, job_id)
        present = moment_of(connection)
    later = (
        present + timedelta(seconds=DELIVERY_PAUSES[tried])
        if again and tried < len(DELIVERY_PAUSES)
        else None
    )
    told = "" if later is None else _told(held, later, len(DELIVERY_PAUSES) - tried)
    message = (
        f"{reason} The answers are kept;{told} `qwenq schedule deliver {held.run.id}` delivers them, and `qwenq "
        f"results {job_id} -o FILE` writes them to another file"
    )
    lost = failure(code, message).model_copy(update={"deliver_at": later})
    if status is not None:
        kept = lost.model_dump(include={"state", "error_code", "error_message", "deliver_at"})
        outcome = _outcome(held, status).model_copy(update={"device_seconds": round(seconds, 3)})
        lost = RunOutcome.model_validate({**outcome.model_dump(), **kept})
    close_run(store, settings, held, lost)


def _told(held: HeldRun, later: datetime, times: int) -> str:
    return (
        f" delivering is tried again at {local_time(held.schedule, later)} ({held.schedule.timezone}; "
        f"{counted(times, 'more attempt')}),"
    )


def failure(code: str, message: str) -> RunOutcome:
    """The outcome of a failed run."""
    return RunOutcome(state=RunState.FAILED, error_code=code, error_message=message)


def _outcome(held: HeldRun, status: JobStatus) -> RunOutcome:
    counts = status.documents
    outcome = RunOutcome(
        state=RunState.SUCCEEDED,
        documents=counts.total,
        failed=counts.failed,
        reused=counts.reused,
        prompt_tokens=status.usage.prompt_tokens,
        completion_tokens=status.usage.completion_tokens,
    )
    failed = _why_failed(held, status)
    return outcome if failed is None else outcome.model_copy(update=failed)


def _why_failed(held: HeldRun, status: JobStatus) -> dict[str, object] | None:
    counts, allowed = status.documents, held.schedule.policy.on_failure_rate
    share = counts.failed / counts.total if counts.total else 0.0
    if status.state is JobState.CANCELLED:
        code, message = (
            "job_cancelled",
            f"job {status.id} was cancelled; `qwenq schedule run` starts another run",
        )
    elif status.state is JobState.FAILED:
        code = "job_failed"
        message = (
            f"no document of job {status.id} was answered; `qwenq results {status.id} --errors FILE` says why"
        )
    elif allowed is not None and share > allowed:
        code = "failure_rate"
        message = (
            f"{number(counts.failed)} of {counted(counts.total, 'document')} failed: {percent(share)}, more than "
            f"--on-failure-rate {percent(allowed)}; `qwenq results {status.id} --errors FILE` says why, "
            f"`qwenq retry {status.id}` runs all but bad rows again, and the next run reads corrected files"
        )
    else:
        return None
    return {"state": RunState.FAILED, "error_code": code, "error_message": message}


def _written(
    store: Store, settings: Settings, held: HeldRun, status: JobStatus, outcome: RunOutcome
) -> RunOutcome:
    """Write the files, even of a failed run, and note their path in the outcome."""
    schedule = held.schedule
    due = CronLine(schedule.cron, schedule.timezone).local(held.run.named_at)
    place = (schedule.policy, schedule.name, due, held.run.id, status.id)
    # Both are checked before either is written: without errors, an old errors file is removed.
    results, errors = (checked_output(one(*place), settings) for one in (results_file, errors_file))
    with store.reading() as connection:
        policy = schedule.policy
        style = style_of(policy)
        write_answers(connection, status.id, results, style)
        write_failures(connection, status.id, errors, style)
    return outcome.model_copy(update={"output": results})
