"""An engine that reads its requests as it answers them puts a paused job down too, though nothing else waits."""

import pytest

from schemas.settings import Settings
from schemas.states import ChunkState
from store.database import Store
from store.pausing import pause_job, resume_job
from store.statuses import job_status
from tests.builders import MODEL, chunks_of, make_job, make_worker
from tests.echo_documents import echo_documents
from tests.integration.worker.long_turn import LongTurns
from tests.waiting import eventually
from worker import keeper as keeper_module
from worker.claimant import Claimant
from worker.feed import Feed
from worker.keeper import Keeper
from worker.resident import ResidentModel
from worker.reuse import Reuse

ANSWERED = 3


def test_a_pause_between_two_batches_gives_the_chunk_back_at_once(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.02)
    job_id = make_job(store, documents=10, chunk_documents=10)
    claimant = Claimant(store, MODEL, make_worker(store), lease_seconds=60)
    resident = ResidentModel(MODEL, settings)
    info = resident.load()
    first = claimant.take(chunks_of(store, job_id)[0])
    assert first is not None
    with Keeper(store, info, settings, float("inf")) as keeper:
        reuse = Reuse(store, info)
        long = echo_documents(store, keeper, reuse)
        answers = resident.answer(Feed(claimant, keeper, reuse, long, first).requests(), keeper)
        for _ in range(ANSWERED):
            long.take(next(answers))
        with store.writing() as connection:
            pause_job(connection, job_id)
        eventually(lambda: keeper.is_paused(first.claim), "the worker hears of the pause")
        for answer in answers:
            long.take(answer)
        assert keeper.settle_rest() == {job_id}
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [first.claim.chunk_id]
    with store.writing() as connection:
        resume_job(connection, job_id)
        status = job_status(connection, job_id)
    assert status is not None
    assert 0 < status.documents.pending < 10


def test_a_pause_amid_a_long_document_gives_its_chunk_back_at_once(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "TICK_SECONDS", 0.02)
    long_text = " ".join(f"w{number}" for number in range(1_200))
    job_id = LongTurns(store, settings).job(long_text, "a short one", max_new_tokens=8)
    claimant = Claimant(store, MODEL, make_worker(store), lease_seconds=60)
    resident = ResidentModel(MODEL, settings)
    info = resident.load()
    first = claimant.take(chunks_of(store, job_id)[0])
    assert first is not None
    with Keeper(store, info, settings, float("inf")) as keeper:
        reuse = Reuse(store, info)
        long = echo_documents(store, keeper, reuse, 128)
        answers = resident.answer(Feed(claimant, keeper, reuse, long, first).requests(), keeper)
        for _ in range(2):
            long.take(next(answers))
        with store.writing() as connection:
            pause_job(connection, job_id)
        eventually(lambda: keeper.is_paused(first.claim), "the worker hears of the pause")
        for answer in answers:
            long.take(answer)
        assert keeper.settle_rest() == {job_id}
    with store.writing() as connection:
        resume_job(connection, job_id)
        status = job_status(connection, job_id)
    assert status is not None
    assert (status.documents.pending, status.documents.succeeded) == (2, 0)
