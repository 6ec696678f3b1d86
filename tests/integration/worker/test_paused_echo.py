"""An engine that reads each request only after the last answer releases a paused job's chunk at once, too."""

from dataclasses import replace

from qwenq.schemas.jobs import DocumentCounts
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.store.database.store import Store
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.views.jobs.statuses import job_status
from qwenq.worker.turn.resident import ResidentModel
from tests.builders import MODEL, chunks_of, make_job, make_worker
from tests.integration.worker.long_turn import LongTurns
from tests.store_work import claimant_of
from tests.turns import keeper_of, turn_of
from tests.waiting import eventually


def pause_amid(store: Store, settings: Settings, job_id: int, answered: int, context: int = 512) -> None:
    """Do a turn with a job of one chunk, and pause it after so many answers: the chunk is released."""
    claimant = claimant_of(store, MODEL, make_worker(store), 60)
    resident = ResidentModel(MODEL, settings)
    info = replace(resident.load(), context=context)
    first = claimant.claim(chunks_of(store, job_id)[0])
    assert first is not None
    with keeper_of(store, settings, model=info) as keeper:
        turn = turn_of(store, keeper, claimant, first, info)
        (claim,) = keeper.ledger.open_claims()
        answers = resident.answer(turn.requests(), keeper.ledger)
        for _ in range(answered):
            turn.complete(next(answers))
        with store.writing() as connection:
            pause_job(connection, job_id)
        eventually(lambda: claim.is_paused, "the pause is noticed")
        for answer in answers:
            turn.complete(answer)
        assert keeper.settle_rest() == {job_id}
    assert chunks_of(store, job_id, ChunkState.QUEUED) == [first.claim.chunk_id]


def resumed(store: Store, job_id: int) -> DocumentCounts:
    """Resume a job. Returns how its documents stand."""
    with store.writing() as connection:
        resume_job(connection, job_id)
        status = job_status(connection, job_id)
    assert status is not None
    return status.documents


def test_a_pause_between_two_batches_releases_the_chunk_at_once(store: Store, settings: Settings) -> None:
    job_id = make_job(store, documents=10, chunk_documents=10)
    pause_amid(store, settings, job_id, answered=3)
    assert 0 < resumed(store, job_id).pending < 10


def test_a_pause_amid_a_long_document_releases_its_chunk_at_once(store: Store, settings: Settings) -> None:
    long_text = " ".join(f"w{number}" for number in range(1_200))
    job_id = LongTurns(store, settings).job(long_text, "a short one", max_new_tokens=8)
    pause_amid(store, settings, job_id, answered=2, context=128)
    documents = resumed(store, job_id)
    assert (documents.pending, documents.succeeded) == (2, 0)
