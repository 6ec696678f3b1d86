"""An ended job with failures, and steps of its retry."""

import pytest

from qwenq.schemas.chunks import Claim
from qwenq.store.database.store import Store
from qwenq.store.life.claims import claim_next
from qwenq.store.life.rescue import POISON
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.answers.results import results_of
from qwenq.store.views.work.assignments import assignment_of
from tests.builders import (
    LEASE,
    answer,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
)


@pytest.fixture
def worker_id(store: Store) -> int:
    return make_worker(store)


@pytest.fixture
def job_id(store: Store, worker_id: int) -> int:
    """An ended job of three chunks: document 1 too long, 2 poison, 5 poison; 9 is a bad row."""
    job_id = make_job(store, documents=12, bad=(9,))
    failures = {1: failure(1), 2: failure(2, POISON, "deadly"), 5: failure(5, POISON, "deadly")}
    for chunk_id in chunks_of(store, job_id):
        claim = claim_one(store, chunk_id, worker_id)
        finish(store, claim, [failures.get(one.seq, one) for one in answers(claim) if one.seq != 9])
    return job_id


def retry(store: Store, job_id: int, *codes: str) -> int:
    with store.writing() as connection:
        return retry_failed(connection, job_id, codes)


def try_next(store: Store, job_id: int, worker_id: int) -> Claim | None:
    with store.writing() as connection:
        return claim_next(connection, job_id, 10**6, worker_id, LEASE)


def claim_waiting(store: Store, job_id: int, worker_id: int) -> Claim:
    claim = try_next(store, job_id, worker_id)
    assert claim is not None
    return claim


def answer_again(store: Store, job_id: int, worker_id: int) -> set[int]:
    """Answer what waits. Returns the documents that were handed out."""
    handed_out: set[int] = set()
    while claim := try_next(store, job_id, worker_id):
        with store.reading() as connection:
            seqs = [seq for seq, _ in assignment_of(connection, claim).documents]
        handed_out.update(seqs)
        finish(store, claim, [answer(seq, f"again {seq}") for seq in seqs])
    return handed_out


def texts(store: Store, job_id: int) -> dict[str, str]:
    with store.reading() as connection:
        return {result.custom_id: result.text for result in results_of(connection, job_id)}
