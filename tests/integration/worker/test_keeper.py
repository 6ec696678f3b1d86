"""The keeper writes outcomes while generation goes on, closes claims, and notices what breaks generation off."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, select, update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.errors import WorkerStopping
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import batches, chunks
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.life.workers import note_stopping
from qwenq.store.views.answers.parts import answered_parts
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.jobs.statuses import job_status
from qwenq.store.views.work.assignments import assignment_of
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.keeping.open_claim import OpenClaim
from tests.audit import audit
from tests.builders import answer, chunks_of, claim_one, failure, make_job, make_worker
from tests.turns import keeper_of, quick
from tests.waiting import eventually

METRICS = BatchMetrics(
    rows=2, prompt_tokens=20, padded_tokens=24, new_tokens=8, seconds=0.5, resident_bytes=1, gpu_peak_bytes=0
)


@pytest.fixture
def claim(store: Store) -> Claim:
    """A claim of a job's only chunk, four documents."""
    job_id = make_job(store, documents=4)
    return claim_one(store, chunks_of(store, job_id)[0], make_worker(store))


@pytest.fixture
def keeper(store: Store, settings: Settings) -> Iterator[Keeper]:
    """A keeper that runs."""
    with keeper_of(store, settings) as keeper:
        yield keeper


@pytest.fixture
def opened(store: Store, keeper: Keeper, claim: Claim) -> OpenClaim:
    """The claim in the keeper's ledger."""
    return keep(store, keeper, claim)


def keep(store: Store, keeper: Keeper, claim: Claim) -> OpenClaim:
    with store.reading() as connection:
        assignment = assignment_of(connection, claim)
    return keeper.ledger.open(assignment)


def answered(store: Store, claim: Claim) -> int:
    with store.reading() as connection:
        return len(list(results_of(connection, claim.job_id)))


def give(keeper: Keeper, claim: Claim, *outcomes: Outcome) -> None:
    for outcome in outcomes:
        keeper.ledger.add(replace(outcome, chunk_id=claim.chunk_id))


def broken_off(keeper: Keeper) -> WorkerStopping | None:
    """What the next step raises. None: nothing."""
    try:
        keeper.ledger.step()
    except WorkerStopping as interrupt:
        return interrupt
    return None


def settled(claim: OpenClaim) -> None:
    eventually(lambda: claim.is_over, "the claim is closed")


def test_outcomes_are_stored_while_the_chunk_still_runs(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    give(keeper, claim, answer(0))
    eventually(lambda: answered(store, claim) == 1, "the first answer is stored")
    assert chunks_of(store, claim.job_id, ChunkState.RUNNING) == [claim.chunk_id]


def test_the_last_outcome_finishes_the_chunk_and_its_job(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    give(keeper, claim, answer(0), answer(1), answer(2), failure(3))
    settled(opened)
    with store.reading() as connection:
        audit(connection, claim.job_id)
        status = job_status(connection, claim.job_id)
        assert [error.error.code for error in errors_of(connection, claim.job_id)] == ["too_long"]
    assert status is not None
    assert status.state == "completed"
    assert keeper.settle_rest() == set()


def test_metrics_that_come_after_the_last_outcome_are_stored(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    keeper.ledger.add_batch(replace(METRICS, group=claim.chunk_id, prefix_tokens=7))
    give(keeper, claim, *map(answer, range(4)))
    settled(opened)
    keeper.ledger.add_batch(replace(METRICS, group=claim.chunk_id))
    keeper.settle_rest()
    with store.reading() as connection:
        kept = connection.execute(select(batches.c.chunk_id, batches.c.prefix_tokens)).all()
    assert [tuple(one) for one in kept] == [(claim.chunk_id, 7), (claim.chunk_id, 0)]


def test_an_unfinished_chunk_is_released_at_the_end_of_the_turn(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    give(keeper, claim, answer(0))
    assert keeper.settle_rest() == {claim.job_id}
    with store.reading() as connection:
        audit(connection, claim.job_id)
        status = job_status(connection, claim.job_id)
    assert status is not None
    assert (status.state, status.documents.pending, status.documents.succeeded) == ("running", 3, 1)


def test_a_second_outcome_of_a_document_changes_nothing(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    give(keeper, claim, answer(0), answer(0, "another"), answer(1), answer(2))
    eventually(lambda: answered(store, claim) == 3, "three answers are stored")
    assert not opened.is_over
    give(keeper, claim, answer(3))
    settled(opened)
    with store.reading() as connection:
        audit(connection, claim.job_id)
        assert next(results_of(connection, claim.job_id)).text == "answer 0"


def test_a_cancelled_job_ends_its_claim_and_no_other(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    other_job = make_job(store, documents=4)
    other = claim_one(store, chunks_of(store, other_job)[0], claim.worker_id)
    kept = keep(store, keeper, other)
    give(keeper, claim, answer(0))
    eventually(lambda: answered(store, claim) == 1, "the first answer is stored")
    with store.writing() as connection:
        cancel_job(connection, claim.job_id)
    assert eventually(keeper.ledger.step, "a chunk is withdrawn") == [opened]
    assert keeper.ledger.claims() == (other,)
    give(keeper, claim, answer(1))  # what the engine gives before it withdraws the chunk
    give(keeper, other, *map(answer, range(4)))
    settled(kept)
    assert keeper.settle_rest() == set()
    with store.reading() as connection:
        audit(connection, claim.job_id)
        cancelled, completed = job_status(connection, claim.job_id), job_status(connection, other_job)
    assert cancelled is not None
    assert (cancelled.documents.succeeded, cancelled.documents.cancelled) == (1, 3)
    assert completed is not None
    assert completed.state == "completed"


def test_a_stopping_worker_breaks_generation_off_and_releases_its_chunks(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    other = claim_one(store, chunks_of(store, make_job(store, documents=4))[0], claim.worker_id)
    keep(store, keeper, other)
    give(keeper, other, answer(0))
    with store.writing() as connection:
        note_stopping(connection, claim.worker_id)
    eventually(lambda: broken_off(keeper), "a step is refused")
    assert not keeper.ledger.wants_more
    assert keeper.settle_rest() == {claim.job_id, other.job_id}
    for one in (claim, other):
        assert chunks_of(store, one.job_id, ChunkState.QUEUED) == [one.chunk_id]
    assert answered(store, other) == 1


def test_a_turn_past_its_deadline_releases_its_chunks(store: Store, claim: Claim, settings: Settings) -> None:
    with keeper_of(store, settings, deadline=time.monotonic()) as keeper:
        keep(store, keeper, claim)
        eventually(lambda: broken_off(keeper), "a step is refused")
        assert keeper.settle_rest() == {claim.job_id}
    assert chunks_of(store, claim.job_id, ChunkState.QUEUED) == [claim.chunk_id]


def test_a_lost_claim_is_withdrawn_and_written_no_more(
    store: Store, claim: Claim, settings: Settings
) -> None:
    gone = settings.model_copy(update={"lease_seconds": -1.0})
    with keeper_of(store, gone) as keeper:
        lost = keep(store, keeper, claim)
        eventually(lambda: rescued(store), "its lease, never renewed in time, expires")
        again = claim_one(store, claim.chunk_id, claim.worker_id)
        give(keeper, claim, answer(0))
        assert eventually(keeper.ledger.step, "the chunk is withdrawn") == [lost]
        give(keeper, claim, answer(1))
        # Claimed anew, its requests would be withdrawn with the old ones.
        assert not keeper.ledger.wants_more
        assert keeper.settle_rest() == set()
    assert (again.attempt, again.crashes) == (claim.attempt + 1, 1)
    assert answered(store, claim) == 0


def test_one_lost_claim_leaves_the_others_alone(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    lost = claim_one(store, chunks_of(store, make_job(store, documents=4))[0], claim.worker_id, -1.0)
    with store.writing() as connection:
        assert rescue_expired(connection, max_crashes=10).requeued == 1
    held = keep(store, keeper, lost)
    assert eventually(keeper.ledger.step, "the chunk is withdrawn") == [held]
    give(keeper, claim, *map(answer, range(4)))
    settled(opened)
    assert answered(store, claim) == 4


def test_outcomes_that_cannot_be_written_break_generation_off(
    store: Store, claim: Claim, settings: Settings
) -> None:
    impatient = settings.model_copy(update={"patience_seconds": 0.1})
    with keeper_of(store, impatient) as keeper:
        keep(store, keeper, claim)
        refuse_writing(store, keeper)


def refuse_writing(store: Store, keeper: Keeper) -> None:
    with store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE chunks RENAME TO astray")

    def refused() -> Exception | None:
        try:
            keeper.ledger.step()
        except Exception as error:  # noqa: BLE001 - SQLite and PostgreSQL raise different errors
            return error
        return None

    why = eventually(refused, "a step is refused")
    assert why is not None
    with pytest.raises(type(why)):
        keeper.settle_rest()


def test_a_slow_store_holds_generation_back(store: Store, claim: Claim, settings: Settings) -> None:
    rhythm = quick(most_unwritten=1, flush_outcomes=1)
    writing = threading.Event()
    with (
        Store(store.engine.url) as elsewhere,
        elsewhere.writing() as connection,
        keeper_of(store, settings, rhythm) as keeper,
    ):
        hold_chunk(connection, claim)
        opened = keep(store, keeper, claim)

        def generate() -> None:
            give(keeper, claim, *map(answer, range(4)))
            writing.set()

        generating = threading.Thread(target=generate)
        generating.start()
        assert not writing.wait(0.3)
        connection.rollback()
        assert writing.wait(30)
        generating.join()
        settled(opened)


def hold_chunk(connection: Connection, claim: Claim) -> None:
    """Hold SQLite's only write lock, and on PostgreSQL the chunk's row, until this transaction ends."""
    connection.execute(update(chunks).where(chunks.c.id == claim.chunk_id).values(crashes=0))


def rescued(store: Store) -> bool:
    with store.writing() as connection:
        return rescue_expired(connection, max_crashes=10).found > 0


def test_answers_to_begun_parts_are_written_before_the_chunk_is_released(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    begun, waiting, late = 2**31, 2**31 + 1, 2**31 + 2
    answered = PartAnswer("a part", FinishReason.STOP, Usage(), 0.1)
    first, second = Part(0, 0, 0, 0, 9), Part(0, 0, 1, 9, 18)
    opened.expect([begun, waiting])
    opened.drop_all_but({begun})
    opened.expect([late])
    keeper.ledger.add_part(opened, waiting, second, answered)
    assert not opened.is_over
    keeper.ledger.add_part(opened, begun, first, answered)
    eventually(lambda: opened.is_over, "the chunk is released")
    assert chunks_of(store, claim.job_id, ChunkState.QUEUED) == [claim.chunk_id]
    with store.reading() as connection:
        assert answered_parts(connection, claim.job_id, 0) == {first: answered}


def test_answers_to_parts_of_a_lost_claim_are_not_written(
    store: Store, claim: Claim, keeper: Keeper, opened: OpenClaim
) -> None:
    opened.expect([2**31])
    with store.writing() as connection:
        connection.execute(update(chunks).values(attempt=claim.attempt + 1))
    part, answered = Part(0, 0, 0, 0, 9), PartAnswer("", FinishReason.STOP, Usage(), 0.1)
    keeper.ledger.add_part(opened, 2**31, part, answered)
    eventually(lambda: opened.is_over, "the claim is lost")
    with store.reading() as connection:
        assert answered_parts(connection, claim.job_id, 0) == {}
