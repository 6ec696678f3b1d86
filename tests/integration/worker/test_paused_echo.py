"""An engine that reads its requests as it answers them puts a paused job down too, though nothing else waits."""

import pytest

from qwenq.schemas.jobs import DocumentCounts
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.views.jobs.statuses import job_status
from qwenq.worker.keeping import keeper as keeper_module
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.reuse.stage import Reuse
from qwenq.worker.turn.feed import Feed
from qwenq.worker.turn.resident import ResidentModel
from tests.builders import MODEL, chunks_of, make_job, make_worker
from tests.echo_documents import CONTEXT, echo_documents
from tests.integration.worker.long_turn import LongTurns
from tests.store_work import InThisProcess, claimant_of
from tests.waiting import eventually


def pause_amid(store: Store, settings: Settings, job_id: int, answered: int, context: int = CONTEXT) -> None:
    """Take a turn with a job of one chunk, and pause it after so many answers: the chunk is given back."""
    claimant = claimant_of(store, MODEL, make_worker(store), 60)
    resident = ResidentModel(MODEL, settings)
    info = resident.load()
    first = claimant.claim(chunks_of(store, job_id)[0])
    assert first is not None
    with Keeper(InThisProcess(store), info, settings, float("inf")) as keeper:
        reuse = Reuse(store, info)
        long = echo_documents(store, keeper, reuse, context)
        answers = resident.answer(Feed(claimant, keeper, reuse, long, first).requests(), keeper)
        for _ in range(answered):
            long.take(next(answers))
        with store.writing() as connection:
            pause_job(connection, job_id)
        eventually(lambda: keeper.is_paused(first.claim), "the worker hears of the pause")
        for answer in answers:
            long.take(answer)
        assert keeper.settle_rest() == {job_id}
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [first.claim.chunk_id]


def resumed(store: Store, job_id: int) -> DocumentCounts:
    """Resume a job. Returns how its documents stand."""
    with store.writing() as connection:
        resume_job(connection, job_id)
        status = job_status(connection, job_id)
    assert status is not None
    return status.documents


def test_a_pause_between_two_batches_gives_the_chunk_back_at_once(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.02)
    job_id = make_job(store, documents=10, chunk_documents=10)
    pause_amid(store, settings, job_id, answered=3)
    assert 0 < resumed(store, job_id).pending < 10


def test_a_pause_amid_a_long_document_gives_its_chunk_back_at_once(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.02)
    long_text = " ".join(f"w{number}" for number in range(1_200))
    job_id = LongTurns(store, settings).job(long_text, "a short one", max_new_tokens=8)
    pause_amid(store, settings, job_id, answered=2, context=128)
    documents = resumed(store, job_id)
    assert (documents.pending, documents.succeeded) == (2, 0)
