"""The fence: a worker that lost a chunk cannot write to it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from qwenq.schemas.chunks import Claim
from qwenq.schemas.errors import LeaseLost
from qwenq.schemas.tables.core import chunks
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import drop_chunk, finish_chunk, hold_fence, release_chunk
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.answers.results import results_of
from tests.builders import (
    EXPIRED,
    LEASE,
    answer,
    answers,
    chunks_of,
    claim_one,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.integration.store.conftest import Audited, wait_until_blocked


@pytest.fixture
def job_id(store: Store) -> int:
    return make_job(store, documents=4)


@pytest.fixture
def expired(store: Store, job_id: int) -> Claim:
    return claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)


def test_a_claim_whose_chunk_was_claimed_again_cannot_write(
    store: Store, job_id: int, expired: Claim, audited: Audited
) -> None:
    _rescue(store)
    second = claim_one(store, expired.chunk_id, make_worker(store))
    with pytest.raises(LeaseLost) as lost:
        write(store, expired, answers(expired))
    assert (lost.value.chunk_id, lost.value.attempt) == (expired.chunk_id, 1)
    assert audited(job_id).documents.succeeded == 0
    finish(store, second, [answer(seq, "the second's") for seq in range(4)])
    with pytest.raises(LeaseLost):
        finish(store, expired)
    with store.reading() as connection:
        assert {one.text for one in results_of(connection, job_id)} == {"the second's"}
    audited(job_id)


def test_a_rescued_claim_cannot_write_even_before_the_next_claim(
    store: Store, job_id: int, expired: Claim, audited: Audited
) -> None:
    _rescue(store)
    with pytest.raises(LeaseLost):
        write(store, expired, answers(expired))
    assert audited(job_id).documents.pending == 4


@pytest.mark.parametrize("ending", [finish_chunk, release_chunk, drop_chunk])
def test_an_ended_claim_does_not_hold_its_chunk(
    store: Store, job_id: int, expired: Claim, ending: Callable[[Connection, Claim], object]
) -> None:
    write(store, expired, answers(expired))
    with store.writing() as connection:
        if ending is drop_chunk:
            cancel_job(connection, job_id)
        hold_fence(connection, expired, None)
        ending(connection, expired)
    with pytest.raises(LeaseLost), store.writing() as connection:
        hold_fence(connection, expired, LEASE)


def test_outcomes_written_with_a_lost_fence_are_rolled_back(
    store: Store, job_id: int, audited: Audited
) -> None:
    """A transaction that finds its fence lost is rolled back."""
    held, lost = (
        claim_one(store, chunk_id, make_worker(store)) for chunk_id in (_first(store, job_id), _other(store))
    )
    with store.writing() as connection:
        hold_fence(connection, lost, EXPIRED)
        rescue_expired(connection, max_crashes=2)
    from qwenq.store.outcomes.outcome_rows import OutcomeRows
    from qwenq.store.outcomes.outcomes import insert_outcomes

    with pytest.raises(LeaseLost), store.writing() as connection:
        hold_fence(connection, held, None)
        insert_outcomes(connection, held, OutcomeRows.of(answers(held)))
        hold_fence(connection, lost, None)
    assert audited(job_id).documents.succeeded == 0


def test_an_expired_lease_still_holds_until_somebody_claims_the_chunk(
    store: Store, job_id: int, expired: Claim, audited: Audited
) -> None:
    write(store, expired, [answer(0)], lease_seconds=LEASE)
    assert _rescue(store) == 0
    finish(store, expired)
    assert audited(job_id).documents.succeeded == 4


def test_a_renewal_moves_the_lease_and_a_check_does_not(store: Store, expired: Claim) -> None:
    begun, asked = _lease(store, expired)
    assert begun < asked
    with store.writing() as connection:
        hold_fence(connection, expired, None)
    assert _lease(store, expired)[0] == begun
    with store.writing() as connection:
        hold_fence(connection, expired, LEASE)
    renewed, asked = _lease(store, expired)
    assert LEASE - 60 < (renewed - asked).total_seconds() <= LEASE


def test_a_renewal_beside_a_rescue_keeps_the_chunk(postgres: Store) -> None:
    job_id = make_job(postgres, documents=4)
    claim = claim_one(postgres, chunks_of(postgres, job_id)[0], make_worker(postgres), EXPIRED)
    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            hold_fence(connection, claim, LEASE)
            assert threads.submit(_rescue, postgres).result(30) == 0
        write(postgres, claim, answers(claim))


def test_a_rescue_beside_a_renewal_queues_the_chunk(postgres: Store) -> None:
    job_id = make_job(postgres, documents=4)
    claim = claim_one(postgres, chunks_of(postgres, job_id)[0], make_worker(postgres), EXPIRED)
    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            assert rescue_expired(connection, 2).requeued == 1
            renewing = threads.submit(write, postgres, claim, answers(claim), LEASE)
            wait_until_blocked(postgres, renewing)
        with pytest.raises(LeaseLost):
            renewing.result(30)


def _rescue(store: Store) -> int:
    with store.writing() as connection:
        return rescue_expired(connection, max_crashes=2).found


def _first(store: Store, job_id: int) -> int:
    return chunks_of(store, job_id)[0]


def _other(store: Store) -> int:
    return chunks_of(store, make_job(store, documents=4))[0]


def _lease(store: Store, claim: Claim) -> tuple[datetime, datetime]:
    """When a claim's lease ends, and the database's present moment."""
    with store.reading() as connection:
        lease, asked = connection.execute(
            select(chunks.c.lease_expires_at, now()).where(chunks.c.id == claim.chunk_id)
        ).one()
    return lease, asked
