"""Half jobs: those with a living producer are left alone, the others are removed and never run."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select, update

from qwenq.producer.enqueuing import EnqueuedJob, enqueue_job
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import JobGivenUp
from qwenq.schemas.jobs import HalfJob, JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import documents, jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import now, seconds_since
from qwenq.store.database.store import Store
from qwenq.store.life import removal
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.half_jobs import begin_job, hold_abandoned
from qwenq.store.life.removal import remove, remove_abandoned
from qwenq.store.views.work.prunable import abandoned_jobs
from tests.builders import MODEL, make_job, rows
from tests.integration.store.conftest import audited_status
from tests.waiting import eventually

SHORT_LEASE = 1.0
"""Renewed each tenth of a second."""
LONG_LEASE = 600.0
"""A test that lets it run out is over before it would be renewed."""
Submit = Callable[[Iterator[Row]], EnqueuedJob]


@pytest.fixture
def lease() -> float:
    """Seconds until a producer counts as dead."""
    return LONG_LEASE


@pytest.fixture
def submit(
    store: Store, settings: Settings, lease: float, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Submit]:
    """Submits rows in batches of 10 and chunks of 4, with no broker there."""
    monkeypatch.setattr("qwenq.producer.storing.BATCH_ROWS", 9)
    settings = settings.model_copy(
        update={"chunk_documents": 4, "broker_url": "redis://127.0.0.1:1/0", "lease_seconds": lease}
    )
    with Broker(settings) as broker:
        yield lambda content: enqueue_job(
            store, broker, settings, JobSpec(model=MODEL, sources=("x",)), content
        )


def begin(store: Store, lease_seconds: float = -1.0) -> HalfJob:
    """A half job; by default its producer is dead."""
    with store.writing() as connection:
        half = begin_job(connection, JobSpec(model=MODEL), None, lease_seconds)
    assert half is not None
    return half


def make_half(store: Store, count: int) -> int:
    """A half job with so many documents, whose producer is dead."""
    job_id = make_job(store, documents=count, released=False)
    _expire(store, job_id)
    return job_id


@pytest.mark.parametrize("lease", [SHORT_LEASE])
def test_a_producer_with_silent_input_keeps_its_lease(store: Store, submit: Submit) -> None:
    def silent() -> Iterator[Row]:
        for number, row in enumerate(rows(30)):
            if number in (5, 25):
                _wait_for_leases(store, 3)
                assert remove_abandoned(store, 10) == 0
            yield row

    submission = submit(silent())
    assert audited_status(store, submission.job_id).documents.total == 30


@pytest.mark.parametrize("place", [0, 5, 10, 25, 29, 30])
def test_a_producer_whose_half_job_was_removed_fails(store: Store, submit: Submit, place: int) -> None:
    others = []

    def slept() -> Iterator[Row]:
        for number, row in enumerate([*rows(30), None]):
            if number == place:
                _expire(store, _newest(store))
                assert remove_abandoned(store, 10) == 1
                # On SQLite this job gets the number of the removed one.
                others.append(make_job(store, documents=3, released=False))
            if row is not None:
                yield row

    with pytest.raises(JobGivenUp, match="Nothing of the job will run"):
        submit(slept())
    assert _count(store) == {others[0]: 3}
    assert audited_status(store, others[0]).state == JobState.VALIDATING


def test_a_producer_fails_even_while_its_job_is_only_partly_removed(store: Store, submit: Submit) -> None:
    def slept() -> Iterator[Row]:
        for number, row in enumerate(rows(30)):
            if number == 25:
                _expire(store, _newest(store))
                with store.writing() as connection:
                    assert hold_abandoned(connection, _newest(store), lease_seconds=-1) is not None
            yield row

    with pytest.raises(JobGivenUp):
        submit(slept())
    assert remove_abandoned(store, 10) == 1
    assert _count(store) == {}


def test_a_later_submit_removes_abandoned_half_jobs_only(store: Store, submit: Submit) -> None:
    kept, dead, alive = make_job(store), make_half(store, 20), begin(store, 600)
    submission = submit(iter(rows(5)))
    assert _count(store) == {kept: 10, submission.job_id: 5}
    with store.reading() as connection:
        assert set(connection.execute(select(jobs.c.id)).scalars()) == {
            kept, alive.job_id, submission.job_id,
        } != {dead}  # fmt: skip
    audited_status(store, kept)


def test_a_stopped_removal_goes_on_with_the_next_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "ROWS_AT_ONCE", 10)
    make_half(store, 35)
    half = _taken(store)
    seen = []

    def enough() -> bool:
        # Called between two batches, when others may write.
        with store.writing() as connection:
            connection.execute(update(jobs).values(name="written"))
        seen.append(_count(store).get(half.job_id, 0))
        return len(seen) == 3

    assert not remove(store, half, enough)
    assert seen == [35, 25, 15]
    _expire(store, half.job_id)
    assert remove_abandoned(store, 10) == 1
    assert _count(store) == {}


def test_removal_without_time_removes_nothing(store: Store) -> None:
    job_id = make_half(store, 5)
    assert remove_abandoned(store, 0) == 0
    assert _count(store) == {job_id: 5}


def test_the_second_of_two_removals_of_a_job_finds_it_held(store: Store) -> None:
    make_half(store, 5)
    half = _taken(store)
    assert remove_abandoned(store, 10) == 0
    assert remove(store, half)
    assert not remove(store, half)


def test_a_cancelled_half_job_is_not_abandoned(store: Store) -> None:
    job_id = make_half(store, 5)
    with store.writing() as connection:
        cancel_job(connection, job_id)
    assert remove_abandoned(store, 10) == 0
    assert audited_status(store, job_id).documents.cancelled == 5


def _taken(store: Store) -> HalfJob:
    with store.writing() as connection:
        (job_id,) = abandoned_jobs(connection)
        half = hold_abandoned(connection, job_id, 600)
    assert half is not None
    return half


def _expire(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(holder_expires_at=now(-1)))


def _newest(store: Store) -> int:
    with store.reading() as connection:
        job_id: int = connection.execute(select(func.max(jobs.c.id))).scalar_one()
    return job_id


def _wait_for_leases(store: Store, count: int) -> None:
    """Wait until so many leases would have run out, on the database's clock."""
    over = _age(store) + count * SHORT_LEASE
    eventually(lambda: _age(store) > over, "leases have passed")


def _age(store: Store) -> float:
    """Seconds since the newest job was begun."""
    with store.reading() as connection:
        seconds: float = connection.execute(select(func.min(seconds_since(jobs.c.created_at)))).scalar_one()
    return seconds


def _count(store: Store) -> dict[int, int]:
    """Documents by job."""
    with store.reading() as connection:
        found = connection.execute(select(documents.c.job_id, func.count()).group_by(documents.c.job_id))
        return {int(job_id): int(count) for job_id, count in found}
