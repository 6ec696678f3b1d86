"""Earlier answers: the oldest of each fingerprint, found by the index."""

import secrets

from sqlalchemy import insert, text, update

from qwenq.schemas.results import FinishReason
from qwenq.schemas.tables.core import results
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.views.answers.earlier import earlier_answers
from tests.builders import answer_all, make_job, make_worker

MANY = 3_000
# In this transaction alone.
_READ_WHOLE = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'results'")
_SCANS = text(
    "SELECT indexrelname, pg_stat_get_xact_numscans(indexrelid) AS scans "
    "FROM pg_stat_user_indexes WHERE relname = 'results'"
)


def test_the_oldest_answer_of_a_fingerprint_is_given(store: Store) -> None:
    worker_id = make_worker(store)
    older, newer = make_job(store), make_job(store)
    for job_id in (older, newer):
        answer_all(store, job_id, worker_id)
    with store.writing() as connection:
        connection.execute(update(results).where(results.c.seq == 3).values(fingerprint=b"\x00three"))
        connection.execute(
            update(results).where(results.c.job_id == newer, results.c.seq == 4).values(fingerprint=b"four")
        )
    with store.reading() as connection:
        found = earlier_answers(connection, {b"\x00three", b"four", b"none"})
    assert {name: (one.job_id, one.text) for name, one in found.items()} == {
        b"\x00three": (older, "answer 3"),
        b"four": (newer, "answer 4"),
    }
    assert found[b"four"].finish_reason is FinishReason.STOP


def test_earlier_answers_use_the_index_even_without_statistics(postgres: Store) -> None:
    job_id = make_job(postgres, documents=MANY)
    fingerprints = [secrets.token_bytes(32) for _ in range(MANY)]
    values = {
        "job_id": job_id, "chunk_id": 1, "attempt": 1, "worker_id": 1, "text": "x", "finish_reason": "stop",
        "prompt_tokens": 1, "completion_tokens": 1, "reasoning_tokens": 0,
    }  # fmt: skip
    rows = [{**values, "seq": seq, "fingerprint": one} for seq, one in enumerate(fingerprints)]
    with postgres.writing() as connection:
        connection.execute(insert(results).values(created_at=now()), rows)
    with postgres.reading() as connection:
        assert len(earlier_answers(connection, fingerprints[:250])) == 250
        scans = {row.indexrelname: row.scans for row in connection.execute(_SCANS)}
        read_whole = connection.execute(_READ_WHOLE).scalar_one()
    assert read_whole == 0
    assert scans["ix_results_fingerprint"]
    assert not scans["pk_results"]
