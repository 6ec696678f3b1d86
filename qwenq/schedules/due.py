"""Turns due times into runs, each exactly once, for any number of ticks and after any absence."""

import logging
from datetime import datetime, timedelta

from qwenq.schedules.cron import CronLine, local_time
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import CatchUp, NewRun, Overlap, Schedule
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import insert_runs
from qwenq.store.schedules.schedules import due_schedules, note_next_due
from qwenq.store.views.schedules.runs import is_any_unfinished

LATE = timedelta(minutes=10)
"""A due time older than this was missed, because no beat ran."""
SCHEDULES_AT_ONCE = 200
RUNS_AT_ONCE = 500
"""Due times of one schedule that become runs in one transaction. After a long absence the next one continues."""

_log = logging.getLogger("qwenq.schedules")


def make_due_runs(store: Store, at: datetime) -> int:
    """Make the runs that are due at a moment, of all schedules. Returns how many are new. Raises StoreAway."""
    made = 0
    while True:
        with store.writing() as connection:
            found = due_schedules(connection, at, SCHEDULES_AT_ONCE)
            following = []
            for schedule in found:
                busy = is_any_unfinished(connection, schedule.id)
                runs, next_due_at = plan_runs(schedule, at, busy=busy)
                made += insert_runs(connection, schedule.id, runs)
                following.append((schedule.id, next_due_at))
                _log_runs(schedule, runs)
            note_next_due(connection, following)
        if not found:
            return made


def plan_runs(schedule: Schedule, at: datetime, *, busy: bool) -> tuple[list[NewRun], datetime]:
    """Plan the runs of a due schedule at a moment. Returns them, and the next due time.

    `busy`: an earlier run is unfinished. `catch_up` chooses among missed due times; the others become one skipped run.
    `overlap` applies to the present due times only, because missed ones run one after the other anyway.
    """
    line = CronLine(schedule.cron, schedule.timezone)
    missed: list[datetime] = []
    fresh: list[datetime] = []
    for due in line.between(schedule.next_due_at, at):
        (missed if at - due > LATE else fresh).append(due)
        if schedule.policy.catch_up is CatchUp.ALL and len(missed) + len(fresh) >= RUNS_AT_ONCE:
            break
    runs = _caught_up(schedule, missed)
    skips = busy and schedule.policy.overlap is Overlap.SKIP
    reason = "an earlier run was unfinished at this due time (--overlap skip)" if skips else None
    runs += [NewRun(due, reason) for due in fresh]
    return runs, line.after((missed + fresh)[-1])


def _caught_up(schedule: Schedule, missed: list[datetime]) -> list[NewRun]:
    catch_up = schedule.policy.catch_up
    if not missed or catch_up is CatchUp.ALL:
        return [NewRun(due) for due in missed]
    passed = missed if catch_up is CatchUp.NONE else missed[:-1]
    runs = []
    if passed:
        since = f" since {local_time(schedule, passed[0])}" if len(passed) > 1 else ""
        times = f"{len(passed):,} due times passed" if len(passed) > 1 else "the due time passed"
        runs.append(NewRun(passed[-1], f"{times}{since} while no beat ran (--catch-up {catch_up})"))
    if catch_up is CatchUp.LAST:
        runs.append(NewRun(missed[-1]))
    return runs


def _log_runs(schedule: Schedule, runs: list[NewRun]) -> None:
    for run in runs:
        facts = {"schedule": schedule.name, "due": run.due_at.isoformat()}
        if run.skipped is None:
            _log.info(Event.RUN_DUE, extra=facts)
        else:
            _log.warning(Event.RUN_SKIPPED, extra={**facts, "reason": run.skipped})
