"""Facts from the store for health checks: waiting and stranded work, troubled schedules, speeds."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, exists, func, select

from qwenq.schemas.states import NoticeState, RunState, ScheduleState
from qwenq.schemas.tables.core import batches, chunks, jobs, workers
from qwenq.schemas.tables.schedules import notices, schedules
from qwenq.schemas.views.fleet import FleetWorker
from qwenq.schemas.views.health import ScheduleTrouble, StrandedWork, WaitingModel, WorkerSpeed
from qwenq.store.conditions import chunk_waits, is_alive, is_unannounced, lease_ran_out, may_answer
from qwenq.store.database.clock import now, seconds_since
from qwenq.store.views.fleet.workers import ALIVE_SECONDS
from qwenq.store.views.schedules.runs import last_ended
from qwenq.store.views.work.prunable import abandoned_jobs

RECENT_SECONDS = 300.0
DAY_SECONDS = 86_400.0
MOST_BATCHES = 2_000


def waiting_models(connection: Connection) -> list[WaitingModel]:
    """The models with waiting chunks."""
    rows = connection.execute(
        select(
            jobs.c.model,
            func.count(),
            func.max(seconds_since(chunks.c.created_at)),
            func.max(seconds_since(chunks.c.published_at)),
        )
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(chunk_waits())
        .group_by(jobs.c.model)
        .order_by(jobs.c.model)
    )
    others = _passing_by(connection)
    return [replace(WaitingModel(*row), for_others=others.get(row.model, ())) for row in rows]


def _passing_by(connection: Connection) -> Mapping[str, Collection[int]]:
    """The workers, by model, that may answer no waiting chunk: other weights began these jobs."""
    waits = exists().where(chunks.c.job_id == jobs.c.id, chunk_waits()).correlate(jobs)
    own = may_answer(workers.c.revision, workers.c.weights_digest, ALIVE_SECONDS)
    found = connection.execute(
        select(workers.c.model, workers.c.id).where(
            is_alive(ALIVE_SECONDS),
            exists().where(jobs.c.model == workers.c.model, waits).correlate(workers),
            ~exists().where(jobs.c.model == workers.c.model, waits, own).correlate(workers),
        )
    )
    by_model: dict[str, list[int]] = {}
    for model, worker_id in found:
        by_model.setdefault(model, []).append(worker_id)
    return by_model


def stranded_work(connection: Connection) -> StrandedWork:
    """Expired claims, unannounced chunks, abandoned half jobs."""
    expired, longest_expired = connection.execute(
        select(func.count(), func.max(seconds_since(chunks.c.lease_expires_at))).where(lease_ran_out())
    ).one()
    unannounced, longest_unannounced = connection.execute(
        select(func.count(), func.max(seconds_since(chunks.c.created_at)))
        .select_from(chunks.join(jobs, jobs.c.id == chunks.c.job_id))
        .where(chunk_waits(), is_unannounced())
    ).one()
    return StrandedWork(
        expired, longest_expired or 0.0, unannounced, longest_unannounced or 0.0, abandoned_jobs(connection)
    )


def schedule_trouble(connection: Connection) -> ScheduleTrouble:
    """Schedules that are overdue, whose last run failed, or whose webhook was given up in the last day."""
    is_overdue = (schedules.c.state == ScheduleState.ACTIVE) & (schedules.c.next_due_at < now())
    overdue, longest = connection.execute(
        select(func.count(), func.max(seconds_since(schedules.c.next_due_at))).where(is_overdue)
    ).one()
    given_up = connection.execute(
        select(func.count())
        .select_from(notices)
        .where(notices.c.state == NoticeState.FAILED, notices.c.finished_at > now(-DAY_SECONDS))
    ).scalar_one()
    failed = [schedule.name for schedule, run in last_ended(connection) if run.state is RunState.FAILED]
    return ScheduleTrouble(overdue, float(longest or 0.0), failed, given_up)


def recent_speeds(connection: Connection, workers: Iterable[FleetWorker]) -> list[WorkerSpeed]:
    """The speeds of these workers in the last day, from at most their newest 2,000 batches."""
    return [_speed_of(connection, worker) for worker in workers]


def _speed_of(connection: Connection, worker: FleetWorker) -> WorkerSpeed:
    age = seconds_since(batches.c.finished_at)
    rows = connection.execute(
        select(batches.c.tokens_per_second, age)
        .where(
            batches.c.worker_id == worker.id,
            batches.c.finished_at > now(-DAY_SECONDS),
            batches.c.new_tokens > 0,
        )
        .order_by(batches.c.finished_at.desc())
        .limit(MOST_BATCHES)
    ).all()
    return WorkerSpeed(
        worker.name,
        recent=[speed for speed, seconds in rows if seconds <= RECENT_SECONDS],
        before=[speed for speed, seconds in rows if seconds > RECENT_SECONDS],
    )
