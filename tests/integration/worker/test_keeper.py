"""The keeper of a claim writes outcomes while generation goes on, and hears what should break it off."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, update

from schemas.chunks import Claim
from schemas.errors import JobStopped, LeaseLost, WorkerStopping
from schemas.requests import BatchMetrics, ModelInfo
from schemas.settings import Settings
from schemas.states import ChunkState
from schemas.tables import chunks
from store.database import Store
from store.jobs import cancel_job
from store.rescue import rescue_expired
from store.results import errors_of, results_of
from store.statuses import job_status
from store.workers import note_stopping
from tests.audit import audit
from tests.builders import MODEL, answer, chunks_of, failure, make_job, make_worker, take
from tests.waiting import eventually
from worker import keeper as keeper_module
from worker.keeper import ClaimKeeper

NEVER = float("inf")
INFO = ModelInfo(MODEL, "none", "none", context=512, parameters=0, load_seconds=0.0)
METRICS = BatchMetrics(
    rows=2, prompt_tokens=20, padded_tokens=24, new_tokens=8, seconds=0.5, resident_bytes=1, gpu_peak_bytes=0
)


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.02)


@pytest.fixture
def claim(store: Store) -> Claim:
    """A claim of a job's only chunk, four documents."""
    job_id = make_job(store, documents=4)
    return take(store, chunks_of(store, job_id)[0], make_worker(store))


@pytest.fixture
def keeper(store: Store, claim: Claim, settings: Settings) -> Iterator[ClaimKeeper]:
    """A keeper at work."""
    with ClaimKeeper(store, claim, INFO, settings, NEVER) as keeper:
        yield keeper


def answered(store: Store, claim: Claim) -> int:
    with store.reading() as connection:
        return len(list(results_of(connection, claim.job_id)))


def broken_off(keeper: ClaimKeeper) -> Exception | None:
    """What the next step raises, if it does."""
    try:
        keeper.step()
    except (JobStopped, WorkerStopping, LeaseLost) as interrupt:
        return interrupt
    return None


def test_outcomes_are_in_the_store_while_the_chunk_still_runs(
    store: Store, claim: Claim, keeper: ClaimKeeper
) -> None:
    keeper.add(answer(claim.first_seq))
    eventually(lambda: answered(store, claim) == 1, "the first answer is stored")
    assert chunks_of(store, claim.job_id, ChunkState.RUNNING) == [claim.chunk_id]


def test_finish_closes_the_chunk_and_its_job(store: Store, claim: Claim, keeper: ClaimKeeper) -> None:
    for key in range(3):
        keeper.add(answer(key))
    keeper.add(failure(3))
    keeper.add_batch(METRICS)
    assert keeper.finish() == "completed"
    with store.reading() as connection:
        audit(connection, claim.job_id)
        assert [error.error.code for error in errors_of(connection, claim.job_id)] == ["too_long"]


def test_finish_with_a_document_left_gives_the_chunk_back(
    store: Store, claim: Claim, keeper: ClaimKeeper
) -> None:
    keeper.add(answer(0))
    assert keeper.finish() is None
    with store.reading() as connection:
        audit(connection, claim.job_id)
        status = job_status(connection, claim.job_id)
    assert status is not None
    assert (status.state, status.documents.pending, status.documents.succeeded) == ("running", 3, 1)


def test_a_cancelled_job_breaks_generation_off_and_keeps_what_is_answered(
    store: Store, claim: Claim, keeper: ClaimKeeper
) -> None:
    keeper.add(answer(0))
    with store.writing() as connection:
        cancel_job(connection, claim.job_id)
    assert isinstance(eventually(lambda: broken_off(keeper), "a step is refused"), JobStopped)
    keeper.add(answer(1))
    keeper.drop()
    with store.reading() as connection:
        audit(connection, claim.job_id)
        status = job_status(connection, claim.job_id)
    assert status is not None
    assert (status.documents.succeeded, status.documents.cancelled) == (2, 2)


def test_a_stopping_worker_breaks_generation_off_and_gives_the_chunk_back(
    store: Store, claim: Claim, keeper: ClaimKeeper
) -> None:
    with store.writing() as connection:
        note_stopping(connection, claim.worker_id)
    assert isinstance(eventually(lambda: broken_off(keeper), "a step is refused"), WorkerStopping)
    keeper.release()
    assert chunks_of(store, claim.job_id, ChunkState.QUEUED) == [claim.chunk_id]


def test_a_task_whose_time_is_up_puts_its_chunk_down(store: Store, claim: Claim, settings: Settings) -> None:
    with (
        ClaimKeeper(store, claim, INFO, settings, deadline=time.monotonic()) as keeper,
        pytest.raises(WorkerStopping),
    ):
        keeper.step()


def test_a_keeper_that_lost_its_claim_hears_so_and_writes_nothing_more(
    store: Store, claim: Claim, settings: Settings
) -> None:
    gone = settings.model_copy(update={"lease_seconds": -1.0})
    with ClaimKeeper(store, claim, INFO, gone, NEVER) as keeper:
        eventually(lambda: rescued(store), "its lease, never renewed in time, runs out")
        again = take(store, claim.chunk_id, claim.worker_id)
        keeper.add(answer(0))
        assert isinstance(eventually(lambda: broken_off(keeper), "a step is refused"), LeaseLost)
        keeper.add(answer(1))
        with pytest.raises(LeaseLost):
            keeper.finish()
    assert again.attempt == claim.attempt + 1
    assert answered(store, claim) == 0


def test_a_store_that_falls_behind_holds_generation_back(
    store: Store, claim: Claim, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "MOST_UNWRITTEN", 1)
    writing = threading.Event()
    with store.writing() as connection, ClaimKeeper(store, claim, INFO, settings, NEVER) as keeper:
        hold_chunk(connection, claim)

        def generate() -> None:
            for key in range(4):
                keeper.add(answer(key))
            writing.set()

        generating = threading.Thread(target=generate)
        generating.start()
        assert not writing.wait(0.3)
        connection.rollback()
        assert writing.wait(30)
        generating.join()
        assert keeper.finish() == "completed"


def hold_chunk(connection: Connection, claim: Claim) -> None:
    """Hold SQLite's only write lock, and on PostgreSQL the chunk's row, until this transaction ends."""
    connection.execute(update(chunks).where(chunks.c.id == claim.chunk_id).values(crashes=0))


def rescued(store: Store) -> bool:
    with store.writing() as connection:
        return rescue_expired(connection, max_crashes=10).found > 0
