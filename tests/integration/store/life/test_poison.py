"""Poison: a document that kills its worker fails alone and soon; its neighbours are answered."""

import math
from collections.abc import Collection
from dataclasses import dataclass

import pytest

from qwenq.schemas.chunks import CRASHES_IN_COMPANY
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.claims import hold_fence
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.answers.results import errors_of, results_of
from tests.builders import EXPIRED, answer, claim_first, finish, make_job, make_worker, write
from tests.integration.store.conftest import Audited

DOCUMENTS = 32


@dataclass
class Effort:
    """What happened to a fleet until a job ended."""

    attempts: int = 0
    crashes: int = 0


@pytest.mark.parametrize(
    ("poison", "max_crashes", "writes_first"),
    [(0, 1, False), (13, 1, True), (13, 2, False), (DOCUMENTS - 1, 2, True)],
)
def test_one_poisonous_document_fails_alone_after_few_attempts(
    store: Store, audited: Audited, poison: int, max_crashes: int, *, writes_first: bool
) -> None:
    job_id = make_job(store, documents=DOCUMENTS, chunk_documents=DOCUMENTS)
    effort = _work(store, audited, job_id, {poison}, max_crashes, writes_first=writes_first)
    halvings = int(math.log2(DOCUMENTS))
    # First perhaps beside other chunks, then alone, at each halving, and as a lone document.
    crashes = CRASHES_IN_COMPANY + 1 + max_crashes + halvings + (max_crashes - 1)
    assert effort.crashes <= crashes
    assert effort.attempts <= crashes + halvings
    _expect_only_poison(store, audited, job_id, {poison})


@pytest.mark.parametrize("poison", [{0, 1}, {3, 28}, {5, 6, 7, 20}], ids=str)
def test_several_poisonous_documents_fail_alone(store: Store, audited: Audited, poison: set[int]) -> None:
    job_id = make_job(store, documents=DOCUMENTS, chunk_documents=DOCUMENTS, bad=(10,))
    effort = _work(store, audited, job_id, poison, max_crashes=2, writes_first=True)
    assert effort.crashes <= len(poison) * (3 + int(math.log2(DOCUMENTS)))
    _expect_only_poison(store, audited, job_id, poison, bad=(10,))


def test_crashes_with_progress_in_between_fail_no_document(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4, chunk_documents=4)
    worker_id = make_worker(store)
    for done in range(3):
        claim = claim_first(store, job_id, worker_id)
        assert claim is not None
        write(store, claim, [answer(done)])
        with store.writing() as connection:
            hold_fence(connection, claim, EXPIRED)
            assert rescue_expired(connection, max_crashes=2).requeued == 1
    last = claim_first(store, job_id, worker_id)
    assert last is not None
    finish(store, last)
    assert audited(job_id).documents.succeeded == 4


def test_a_job_of_poison_alone_ends_as_failed(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    _work(store, audited, job_id, {0, 1, 2, 3}, max_crashes=2, writes_first=False)
    status = audited(job_id)
    assert (status.state, status.documents.failed) == (JobState.FAILED, 4)


def _work(
    store: Store,
    audited: Audited,
    job_id: int,
    poison: Collection[int],
    max_crashes: int,
    *,
    writes_first: bool,
) -> Effort:
    """Answer a job with workers that die on `poison`; the store is audited after each attempt."""
    worker_id = make_worker(store)
    effort = Effort()
    while claim := claim_first(store, job_id, worker_id):
        effort.attempts += 1
        deadly = min((seq for seq in poison if claim.first_seq <= seq <= claim.last_seq), default=None)
        if deadly is None:
            finish(store, claim)
        else:
            effort.crashes += 1
            if writes_first:
                write(store, claim, [answer(seq) for seq in range(claim.first_seq, deadly)])
            with store.writing() as connection:
                hold_fence(connection, claim, EXPIRED)
                assert rescue_expired(connection, max_crashes).found == 1
        audited(job_id)
        assert effort.attempts < 10 * DOCUMENTS, "the job does not end"
    return effort


def _expect_only_poison(
    store: Store, audited: Audited, job_id: int, poison: Collection[int], bad: Collection[int] = ()
) -> None:
    status = audited(job_id)
    assert (status.state, status.documents.failed) == (JobState.COMPLETED, len(poison) + len(bad))
    with store.reading() as connection:
        failed = {error.line - 1 for error in errors_of(connection, job_id) if error.error.code == "poison"}
        answered = {result.custom_id for result in results_of(connection, job_id)}
    assert failed == set(poison)
    assert answered == {f"d{place}" for place in range(DOCUMENTS) if place not in poison and place not in bad}
