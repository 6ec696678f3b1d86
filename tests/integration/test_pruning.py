"""Pruning: removes what nobody needs, with all its rows, and nothing else."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, update

from qwenq import api
from qwenq.actions.pruning import foresee, prune
from qwenq.schemas.errors import JobNotCancellable, JobNotRetryable, LeaseLost
from qwenq.schemas.jobs import HalfJob
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import batches, chunks, documents, jobs, results, workers
from qwenq.schemas.views.pruning import PrunedJob, PruneReport
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import drop_chunk, hold_fence
from qwenq.store.life.half_jobs import hold_ended
from qwenq.store.life.removal import remove
from qwenq.store.life.retrying import retry_failed
from qwenq.store.outcomes.batches import insert_batches, insert_late_batches
from tests.builders import (
    MODEL,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
)
from tests.integration.store.conftest import audited_status
from tests.integration.worker.test_keeper import METRICS

DAY = 86_400.0


def make_ended(store: Store, worker_id: int, days_ago: float) -> int:
    """A job that ended so long ago."""
    job_id = make_job(store, documents=10)
    answer_all(store, job_id, worker_id)
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(finished_at=now(-days_ago * DAY)))
    return job_id


def pruned(settings: Settings, older_than: float | None) -> PruneReport:
    """Prune; the preview must match the jobs that were removed."""
    foreseen = foresee(settings, older_than)
    told: list[PrunedJob] = []
    report = prune(settings, older_than, told.append)
    assert foreseen.model_copy(update={"removed": True}) == report
    assert list(report.jobs) == told
    return report


def ids(report: PruneReport) -> list[int]:
    return [job.id for job in report.jobs]


def test_prune_removes_only_jobs_that_ended_long_ago_with_all_rows(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    old, recent, running = make_ended(store, worker_id, 40), make_ended(store, worker_id, 20), make_job(store)
    claim = claim_one(store, chunks_of(store, running)[0], worker_id)
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, [METRICS])
    report = pruned(settings, 30 * DAY)
    assert ids(report) == [old]
    assert (report.documents, report.workers) == (10, 0)
    with store.reading() as connection:
        for table in (documents, results, chunks, batches):
            assert old not in _jobs_of(connection, table), table.name
        assert _jobs_of(connection, batches) == {running}
    assert audited_status(store, recent).documents.succeeded == 10
    assert audited_status(store, running).documents.running == 4
    assert ids(pruned(settings, 30 * DAY)) == []


def test_a_job_in_removal_cannot_be_cancelled(store: Store, settings: Settings) -> None:
    job_id = make_ended(store, make_worker(store), 40)
    with store.writing() as connection:
        half = hold_ended(connection, job_id, DAY, lease_seconds=60)
    assert half is not None
    asked = iter((False, True))
    assert not remove(store, half, until=lambda: next(asked))  # some of it
    with pytest.raises(JobNotCancellable, match=f"Job {job_id} is being removed"):
        api.cancel(job_id, settings=settings)
    assert remove(store, half)


def test_a_half_job_cancelled_before_its_removal_keeps_its_rows(store: Store) -> None:
    job_id = make_job(store, documents=10, released=False)
    half = HalfJob(job_id, "its producer")
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(holder=half.token))
        cancel_job(connection, job_id)
    assert not remove(store, half)
    assert audited_status(store, job_id).documents.cancelled == 10


def test_without_an_age_only_half_jobs_go(store: Store, settings: Settings) -> None:
    ended = make_ended(store, make_worker(store), 1_000)
    half = make_job(store, documents=7, released=False)
    report = pruned(settings, None)
    assert [(job.id, job.state, job.documents) for job in report.jobs] == [(half, "validating", 7)]
    assert audited_status(store, ended).documents.total == 10


def test_a_prune_preview_removes_nothing(store: Store, settings: Settings) -> None:
    ended = make_ended(store, make_worker(store), 40)
    assert ids(foresee(settings, DAY)) == [ended]
    assert audited_status(store, ended).documents.succeeded == 10


@pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED])
def test_prune_removes_completed_failed_and_cancelled_jobs(
    store: Store, settings: Settings, state: JobState
) -> None:
    job_id = make_ended(store, make_worker(store), 40)
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(state=state))
    assert [(job.id, job.state) for job in pruned(settings, DAY).jobs] == [(job_id, state)]


def test_workers_go_once_they_are_silent_and_no_job_names_them(store: Store, settings: Settings) -> None:
    gone, named, alive = (make_worker(store, name=name) for name in ("gone", "named", "alive"))
    make_ended(store, gone, 40)
    staying = make_ended(store, named, 1)
    with store.writing() as connection:
        connection.execute(update(workers).where(workers.c.id != alive).values(heartbeat_at=now(-35 * DAY)))
    assert pruned(settings, None).workers == 0
    assert pruned(settings, 30 * DAY).workers == 1
    with store.reading() as connection:
        assert set(connection.execute(select(workers.c.id)).scalars()) == {named, alive}
    audited_status(store, staying)


def test_prune_never_removes_a_living_worker(store: Store, settings: Settings) -> None:
    make_ended(store, make_worker(store), 1)
    report = pruned(settings, 0.0)
    assert (len(report.jobs), report.workers) == (1, 0)


def test_prune_skips_a_job_that_was_retried_meanwhile(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    job_id = make_job(store, documents=1)
    finish(store, claim_one(store, chunks_of(store, job_id)[0], worker_id), [failure(0)])
    assert ids(foresee(settings, 0.0)) == [job_id]
    with store.writing() as connection:
        retry_failed(connection, job_id)
        assert hold_ended(connection, job_id, 0.0, 60) is None
    assert ids(pruned(settings, 0.0)) == []
    assert audited_status(store, job_id).state == JobState.QUEUED


def test_a_job_in_removal_cannot_be_revived(store: Store, settings: Settings) -> None:
    job_id = make_ended(store, make_worker(store), 40)
    with store.writing() as connection:
        # The process that removes it dies at once.
        assert hold_ended(connection, job_id, DAY, lease_seconds=-1) is not None
    with store.writing() as connection, pytest.raises(JobNotRetryable):
        retry_failed(connection, job_id)
    assert ids(pruned(settings, None)) == [job_id]


def test_a_late_worker_of_a_removed_job_writes_into_no_later_job(store: Store, settings: Settings) -> None:
    """SQLite reuses the numbers of a removed job and its chunks."""
    sleeper, other = make_worker(store), make_worker(store)
    job_id = make_job(store, documents=4)
    slept = claim_one(store, chunks_of(store, job_id)[0], sleeper)
    with store.writing() as connection:
        cancel_job(connection, job_id)
        drop_chunk(connection, slept)
    assert ids(pruned(settings, 0.0)) == [job_id]
    later = make_job(store, documents=4)
    claim_one(store, chunks_of(store, later)[0], other)
    with store.writing() as connection, pytest.raises(LeaseLost):
        hold_fence(connection, slept, 60)
    assert audited_status(store, later).documents.running == 4


def test_a_cancelled_job_stays_while_a_worker_holds_a_chunk(store: Store, settings: Settings) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.writing() as connection:
        cancel_job(connection, job_id)
        assert hold_ended(connection, job_id, 0.0, 60) is None
    assert ids(pruned(settings, 0.0)) == []
    with store.writing() as connection:
        hold_fence(connection, claim, None)
        drop_chunk(connection, claim)
    assert ids(pruned(settings, 0.0)) == [job_id]


def test_late_batches_of_a_removed_job_are_dropped(store: Store, settings: Settings) -> None:
    job_id = make_job(store, documents=1)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [failure(0)])
    assert ids(pruned(settings, 0.0)) == [job_id]
    with store.writing() as connection:
        insert_late_batches(connection, claim, MODEL, [METRICS])
        assert connection.execute(select(func.count()).select_from(batches)).scalar_one() == 0


def _jobs_of(connection: Connection, table: object) -> set[int]:
    return set(connection.execute(select(func.distinct(table.c.job_id))).scalars())  # type: ignore[attr-defined]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pruning_gives_the_disk_what_the_log_of_sqlite_has_taken(store: Store, settings: Settings) -> None:
    make_job(store, documents=100)
    log = Path(f"{store.engine.url.database}-wal")
    assert log.stat().st_size > 0
    pruned(settings, None)
    assert log.stat().st_size == 0
