"""Queries on a job without PostgreSQL statistics, for which it expects hardly any rows."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from qwenq.schemas.chunks import Claim
from qwenq.store.database.store import Store
from qwenq.store.life.claims import drop_chunk
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes
from qwenq.store.views.work.assignments import unfinished_documents
from tests.builders import answer, chunks_of, claim_one, failure, make_job, make_worker

DOCUMENTS = 4_000
CHUNK = 50
LOOKS = 6  # at the most, into a table for each document of a chunk; the whole job would be thousands

_FILL = text(
    "INSERT INTO results (job_id, seq, chunk_id, attempt, worker_id, text, finish_reason, prompt_tokens, "
    "completion_tokens, reasoning_tokens, created_at) "
    "SELECT job_id, seq, 1, 1, 1, 'an answer', 'stop', 1, 1, 0, now() FROM documents "
    "WHERE job_id = :of_job AND seq >= :first"
)
_ROWS_READ = text(
    "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables "
    "WHERE relname IN ('documents', 'results')"
)

Deed = Callable[[Connection, Claim], object]
DEEDS: dict[str, Deed] = {
    "what waits of a claim": unfinished_documents,
    "answers": lambda connection, claim: insert_outcomes(
        connection, claim, OutcomeRows.of(map(answer, range(CHUNK)))
    ),
    "failures": lambda connection, claim: insert_outcomes(
        connection, claim, OutcomeRows.of(map(failure, range(CHUNK)))
    ),
    "a chunk that is dropped": drop_chunk,
}


@pytest.mark.parametrize("deed", DEEDS)
def test_documents_of_a_new_job_are_found_by_the_index_without_statistics(postgres: Store, deed: str) -> None:
    known = make_job(postgres, DOCUMENTS, chunk_documents=CHUNK)
    with postgres.writing() as connection:
        connection.execute(_FILL, {"of_job": known, "first": 0})
    with postgres.writing() as connection:
        connection.exec_driver_sql("ANALYZE")
    new = make_job(postgres, DOCUMENTS, chunk_documents=CHUNK)
    claim = claim_one(postgres, chunks_of(postgres, new)[0], make_worker(postgres))
    with postgres.writing() as connection:
        connection.execute(_FILL, {"of_job": new, "first": CHUNK})
    with postgres.writing() as connection:
        before = connection.execute(_ROWS_READ).scalar_one()
        DEEDS[deed](connection, claim)
        assert connection.execute(_ROWS_READ).scalar_one() - before <= LOOKS * CHUNK
