"""The feed skips what is cancelled, and claims nothing of a paused job until it is resumed."""

from itertools import islice

from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.views.jobs.statuses import job_status
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.turn.claimant import Claimant
from tests.audit import audit
from tests.builders import chunks_of, make_job
from tests.integration.worker.feed.conftest import begin, give
from tests.waiting import eventually


def test_the_feed_skips_the_rest_of_a_cancelled_chunk(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    cancelled, other = make_job(store, documents=4), make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, cancelled)[0]).requests()
    next(requests)
    with store.writing() as connection:
        cancel_job(connection, cancelled)
    eventually(keeper.ledger.step, "the chunk is withdrawn")
    assert next(requests).group == chunks_of(store, other)[0]


def test_a_paused_chunk_is_released_once_its_begun_documents_are_answered(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    paused, other = make_job(store, documents=4), make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, paused)[0]).requests()
    (claim,) = keeper.ledger.open_claims()
    read = [next(requests)]
    with store.writing() as connection:
        pause_job(connection, paused)
    assert eventually(keeper.ledger.step, "the pause is noticed") == [claim]
    assert keeper.ledger.step() == ()
    read.append(next(requests))
    beside = next(requests)
    assert beside.group == chunks_of(store, other)[0]
    claim.drop_all_but({0, 1})
    assert not claim.is_over
    give(keeper, *read)
    eventually(lambda: claim.is_over, "the chunk is released")
    give(keeper, beside, *requests)
    assert keeper.settle_rest() == {paused}
    assert chunks_of(store, paused, ChunkState.QUEUED) == [claim.claim.chunk_id]
    with store.reading() as connection:
        audit(connection, paused)
        held, ended = job_status(connection, paused), job_status(connection, other)
    assert held is not None
    assert (held.state, held.documents.succeeded, held.documents.pending) == ("paused", 2, 2)
    assert ended is not None
    assert ended.state == "completed"


def test_no_chunk_of_a_paused_job_is_claimed(store: Store, claimant: Claimant, keeper: Keeper) -> None:
    job_id = make_job(store, documents=8)
    first, second = chunks_of(store, job_id)
    requests = begin(store, claimant, keeper, first).requests()
    read = [next(requests) for _ in range(4)]
    with store.writing() as connection:
        pause_job(connection, job_id)
    give(keeper, *read)
    assert next(requests, None) is None
    assert chunks_of(store, job_id, ChunkState.DONE) == [first]
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [second]


def test_a_chunk_whose_job_is_resumed_in_time_is_read_to_its_end(
    store: Store, claimant: Claimant, keeper: Keeper
) -> None:
    job_id = make_job(store, documents=4)
    requests = begin(store, claimant, keeper, chunks_of(store, job_id)[0]).requests()
    (claim,) = keeper.ledger.open_claims()
    with store.writing() as connection:
        pause_job(connection, job_id)
    eventually(lambda: claim.is_paused, "the pause is noticed")
    with store.writing() as connection:
        resume_job(connection, job_id)
    eventually(lambda: not claim.is_paused, "the end of the pause is noticed")
    assert [request.key for request in islice(requests, 4)] == [0, 1, 2, 3]
