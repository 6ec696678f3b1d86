"""The store's history shows what its final tables no longer do."""

from sqlalchemy import delete, insert, select, update

from qwenq.schemas.states import ChunkState, DocumentState
from qwenq.schemas.tables.core import chunks, documents, results
from qwenq.store.database.store import Store
from qwenq.store.life import rescue
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes
from tests.builders import (
    EXPIRED,
    answer,
    answers,
    chunks_of,
    claim_one,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.chaos.audit.history import chunk_changes, document_changes, keep_history, result_writes


def test_history_shows_an_answer_written_without_the_fence(store: Store) -> None:
    keep_history(store)
    job_id = make_job(store, documents=4)
    (chunk_id,) = chunks_of(store, job_id)
    worker_id = make_worker(store)
    stale = claim_one(store, chunk_id, worker_id, EXPIRED)
    write(store, stale, [answer(0)], EXPIRED)
    with store.writing() as connection:
        rescue.rescue_expired(connection, max_crashes=2)
    current = claim_one(store, chunk_id, worker_id)
    with store.writing() as connection:
        insert_outcomes(connection, stale, OutcomeRows.of([answer(1)]))
    finish(store, current, answers(current)[2:])
    with store.reading() as connection:
        written = [(row.seq, row.attempt, row.fence) for row in result_writes(connection)]
        claimed = [
            (change.was, change.became, change.attempt)
            for change in chunk_changes(connection)
            if change.was != change.became
        ]
    assert sorted(written) == [(0, 1, 1), (1, 1, 2), (2, 2, 2), (3, 2, 2)]
    assert claimed == [
        (ChunkState.QUEUED, ChunkState.RUNNING, 1),
        (ChunkState.RUNNING, ChunkState.QUEUED, 1),
        (ChunkState.QUEUED, ChunkState.RUNNING, 2),
        (ChunkState.RUNNING, ChunkState.DONE, 2),
    ]


def test_a_second_outcome_is_found_in_each_table(store: Store) -> None:
    keep_history(store)
    job_id = make_job(store, documents=1)
    (chunk_id,) = chunks_of(store, job_id)
    finish(store, claim_one(store, chunk_id, make_worker(store)))
    with store.writing() as connection:
        connection.execute(update(documents).values(state=DocumentState.CANCELLED))
        (answer,) = connection.execute(select(results)).mappings()
        connection.execute(delete(results))
        connection.execute(insert(results), [dict(answer)])
    with store.reading() as connection:
        changes = [(change.was, change.became) for change in document_changes(connection)]
    assert changes == [("pending", "succeeded"), ("succeeded", "cancelled"), ("cancelled", "succeeded")]


def test_history_skips_changes_beside_state_attempt_and_lease(store: Store) -> None:
    keep_history(store)
    job_id = make_job(store, documents=1)
    with store.writing() as connection:
        connection.execute(update(chunks).where(chunks.c.job_id == job_id).values(crashes=1))
        connection.execute(update(documents).values(state=DocumentState.PENDING))
    with store.reading() as connection:
        assert (chunk_changes(connection), document_changes(connection)) == ([], [])
