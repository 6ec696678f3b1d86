"""Earlier failures of retried documents are kept, and read in order."""

import pytest

from qwenq.store.database.store import Store
from qwenq.store.life.rescue import POISON
from qwenq.store.views.answers.failures import history_of
from qwenq.store.views.answers.results import errors_of
from tests.builders import (
    answer,
    answer_all,
    failure,
    finish,
    make_job,
    row,
    store_job,
)
from tests.integration.store.conftest import Audited
from tests.integration.store.life.retrying.conftest import claim_waiting, retry


def test_earlier_failures_are_kept_whatever_the_retry_gives(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    retry(store, job_id, "too_long")
    finish(store, claim_waiting(store, job_id, worker_id), [failure(1, "out_of_memory", "no room")])
    retry(store, job_id)
    answer_all(store, job_id, worker_id)
    audited(job_id)
    with store.reading() as connection:
        history = [
            (line.custom_id, line.line, line.round, line.error.code)
            for line in history_of(connection, job_id)
        ]
        times = [line.failed_at for line in history_of(connection, job_id)]
        (bad,) = errors_of(connection, job_id)
    assert history == [
        ("d1", 2, 1, "too_long"), ("d1", 2, 2, "out_of_memory"), ("d2", 3, 1, POISON), ("d5", 6, 1, POISON),
    ]  # fmt: skip
    assert times[0] < times[1]
    assert (bad.custom_id, bad.attempts, bad.earlier) == (None, 0, ())


def test_an_error_line_has_the_attempts_and_earlier_failures(
    store: Store, job_id: int, worker_id: int
) -> None:
    retry(store, job_id, "too_long")
    finish(store, claim_waiting(store, job_id, worker_id), [failure(1, "out_of_memory", "no room")])
    with store.reading() as connection:
        errors = {error.custom_id: error for error in errors_of(connection, job_id)}
    retried, other = errors["d1"], errors["d2"]
    assert (retried.attempts, retried.error.code) == (2, "out_of_memory")
    assert [(past.round, past.error.code) for past in retried.earlier] == [(1, "too_long")]
    assert (other.attempts, other.earlier) == (1, ())


def test_the_history_of_a_job_of_several_files_names_them(store: Store, worker_id: int) -> None:
    job_id = store_job(store, [row(0), row(0, "b", source=1)], sources=("a.jsonl", "b.jsonl"))
    finish(store, claim_waiting(store, job_id, worker_id), [answer(0), failure(1)])
    retry(store, job_id)
    with store.reading() as connection:
        (line,) = history_of(connection, job_id)
    assert line.error.message == "b.jsonl: much too long"


def test_the_history_is_read_page_by_page(
    store: Store, worker_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwenq.store.views.answers.failures.PAGE_ROWS", 3)
    job_id = make_job(store, documents=4)
    for _ in range(2):
        finish(store, claim_waiting(store, job_id, worker_id), [failure(seq) for seq in range(4)])
        retry(store, job_id)
    with store.reading() as connection:
        told = [(line.custom_id, line.round) for line in history_of(connection, job_id)]
    assert told == [(f"d{seq}", number) for seq in range(4) for number in (1, 2)]
