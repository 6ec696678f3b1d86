"""What a worker claims next: by priority, then by age, and no suspect ahead."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Claim
from qwenq.schemas.jobs import Priority
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import claim_next
from qwenq.store.tenants.bounds import waiting_documents
from qwenq.store.views.work.next_job import next_job
from tests.builders import LEASE, MODEL, answer_all, chunks_of, claim_one, make_job, make_worker, suspect
from tests.integration.store.conftest import Audited

ANY = 1_000


def test_the_oldest_job_of_the_first_priority_is_next(store: Store) -> None:
    low = make_job(store, priority=Priority.LOW)
    normal = make_job(store)
    later = make_job(store)
    high = make_job(store, priority=Priority.HIGH)
    make_job(store, model="another", priority=Priority.HIGH)
    make_job(store, priority=Priority.HIGH, released=False)
    worker_id = make_worker(store)
    order = []
    while (job_id := _next_job(store)) is not None:
        order.append(job_id)
        answer_all(store, job_id, worker_id)
    assert order == [high, normal, later, low]


def test_a_cancelled_job_is_never_next(store: Store) -> None:
    job_id = make_job(store)
    with store.writing() as connection:
        cancel_job(connection, job_id)
    assert _next_job(store) is None


def test_chunks_are_claimed_in_input_order_until_none_waits(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=10)
    worker_id = make_worker(store)
    claimed = [_claim_next(store, job_id, worker_id) for _ in range(4)]
    assert [claim and (claim.first_seq, claim.attempt) for claim in claimed] == [(0, 1), (4, 1), (8, 1), None]
    status = audited(job_id)
    assert (status.state, status.documents.running) == (JobState.RUNNING, 10)
    assert _next_job(store) is None


def test_a_suspect_is_skipped_unless_wanted(store: Store) -> None:
    job_id = make_job(store, documents=8)
    crashed, trusted = chunks_of(store, job_id)
    suspect(store, crashed)
    worker_id = make_worker(store)
    ahead = _claim_next(store, job_id, worker_id, most_crashes=CRASHES_IN_COMPANY)
    assert ahead is not None
    assert (ahead.chunk_id, ahead.suspect) == (trusted, False)
    assert _next_job(store, most_crashes=CRASHES_IN_COMPANY) is None
    assert _claim_next(store, job_id, worker_id, most_crashes=CRASHES_IN_COMPANY) is None
    assert _next_job(store) == job_id
    alone = _claim_next(store, job_id, worker_id)
    assert alone is not None
    assert (alone.chunk_id, alone.suspect) == (crashed, True)


def test_many_workers_at_once_claim_each_chunk_once(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=32)
    worker_id = make_worker(store)
    together = threading.Barrier(4, timeout=30)

    def claim(_: int) -> list[Claim]:
        together.wait()
        claimed = []
        while _next_job(store) is not None:
            if (one := _claim_next(store, job_id, worker_id)) is not None:
                claimed.append(one)
        return claimed

    with ThreadPoolExecutor(4) as threads:
        claimed = [one for some in threads.map(claim, range(4)) for one in some]
    assert sorted(one.chunk_id for one in claimed) == chunks_of(store, job_id)
    assert audited(job_id).documents.running == 32


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_chunk_that_another_claims_is_skipped(store: Store) -> None:
    job_id = make_job(store, documents=12)
    first, second, third = chunks_of(store, job_id)
    worker_id = make_worker(store)
    claim_one(store, first, worker_id)
    with store.writing() as connection:
        assert claim_next(connection, job_id, ANY, worker_id, LEASE) is not None
        beside = _claim_next(store, job_id, worker_id)
    assert beside is not None
    assert beside.chunk_id == third
    assert second != third


def _next_job(store: Store, most_crashes: int = ANY) -> int | None:
    with store.reading() as connection:
        found = next_job(connection, MODEL, most_crashes)
    return None if found is None else found.job_id


def _claim_next(store: Store, job_id: int, worker_id: int, most_crashes: int = ANY) -> Claim | None:
    with store.writing() as connection:
        return claim_next(connection, job_id, most_crashes, worker_id, LEASE)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_jobs_that_have_ended_cost_a_claim_and_a_bound_nothing(store: Store) -> None:
    """Each single request is a job: a model and a tenant may have a million that have ended."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    with store.reading() as connection:
        next_job(connection, MODEL, ANY)
        waiting_documents(connection, "acme")
        asked = [(statement, given) for statement, given in asked if "FROM jobs" in statement]
        plans = [
            " ".join(
                row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            )
            for statement, given in list(asked)
        ]
    assert len(plans) == 2
    assert all("SEARCH jobs USING INDEX ix_jobs_state_model" in plan for plan in plans), plans
