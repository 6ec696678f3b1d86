"""Reuse: only for identical documents, only if both jobs asked for it, and marked in the result."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update

from qwenq.schemas.documents import Row
from qwenq.schemas.errors import LeaseLost, StoreAway
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.results import Result, Usage
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import jobs, results
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.store.database.store import Store
from qwenq.store.life.claims import hold_fence
from qwenq.store.life.half_jobs import hold_ended
from qwenq.store.life.removal import remove
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.jobs.statuses import job_status
from tests.audit import audit
from tests.builders import (
    EXPIRED,
    MODEL,
    answer,
    chunks_of,
    claim_one,
    complete,
    fail,
    make_worker,
    row,
    store_job,
)
from tests.store_work import claimant_of
from tests.turns import INFO, keeper_of, quick, turn_of

TEXTS = ("a", "b", "c")


class Worker:
    """Answers jobs as a worker does, and notes what it generates."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self._settings = settings
        self._id = make_worker(store)

    def job(self, texts: Sequence[str] = TEXTS, *, reuse: bool = True, **params: Any) -> int:
        """A job of these documents."""
        content: list[Row] = [row(place, content=f'{{"text": "{text}"}}') for place, text in enumerate(texts)]
        job_id = store_job(self.store, content, chunk_documents=100)
        values = {"reuse": reuse, "params": GenerationParams().overlaid(params).model_dump(mode="json")}
        with self.store.writing() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(values))
        return job_id

    def answer(self, job_id: int, model: ModelInfo = INFO, failing: Sequence[str] = ()) -> list[str]:
        """Answer a job of one chunk. Returns the texts that needed generating."""
        generated = []
        claimant = claimant_of(self.store, MODEL, self._id, 60)
        first = claimant.claim(chunks_of(self.store, job_id)[0])
        assert first is not None
        with keeper_of(self.store, self._settings, quick(looked_up_at_once=2), model) as keeper:
            turn = turn_of(self.store, keeper, claimant, first, model)
            for request in turn.requests():
                said = request.prompt.messages[-1].content
                generated.append(said)
                completed = fail if said in failing else complete
                turn.complete(completed(request, f"to {said}", "why"))
            assert keeper.settle_rest() == set()
        with self.store.reading() as connection:
            audit(connection, job_id)
        return generated

    def results(self, job_id: int) -> list[Result]:
        """A job's answers."""
        with self.store.reading() as connection:
            return list(results_of(connection, job_id))


@pytest.fixture
def worker(store: Store, settings: Settings) -> Worker:
    """A worker whose answers begin with the word `to`."""
    return Worker(store, settings)


def test_a_later_job_gets_the_answers_of_an_earlier_one_marked_as_reused(worker: Worker) -> None:
    first = worker.job()
    assert worker.answer(first) == list(TEXTS)
    second = worker.job(("c", "new", "a"))
    assert worker.answer(second) == ["new"]
    found = worker.results(second)
    assert [(one.text, one.reasoning, one.reused) for one in found] == [
        ("to c", "why", True),
        ("to new", "why", False),
        ("to a", "why", True),
    ]
    assert [one.usage == Usage() for one in found] == [True, False, True]
    assert not any(one.reused for one in worker.results(first))


def test_the_status_counts_reused_answers_among_the_succeeded(worker: Worker, store: Store) -> None:
    first = worker.job()
    worker.answer(first)
    second = worker.job((*TEXTS, "new"))
    worker.answer(second)
    with store.reading() as connection:
        before, after = job_status(connection, first), job_status(connection, second)
    assert before is not None
    assert after is not None
    assert (before.documents.reused, before.documents.succeeded) == (0, 3)
    assert (after.state, after.documents.reused, after.documents.succeeded) == ("completed", 3, 4)
    assert after.usage.completion_tokens == answer(3).usage.completion_tokens


def test_answers_are_found_again_only_if_their_job_asked_for_reuse(worker: Worker, store: Store) -> None:
    for reuse in (False, True, False):
        last = worker.job(reuse=reuse)
        assert worker.answer(last) == list(TEXTS)
    with store.reading() as connection:
        kept = connection.execute(
            select(results.c.job_id).where(results.c.fingerprint.is_not(None))
        ).scalars()
        assert set(kept) == {last - 1}


@pytest.mark.parametrize(
    ("params", "other"),
    [
        ({}, {"max_new_tokens": 7}),
        ({}, {"thinking": True}),
        ({}, {"response_format": "json_object"}),
        ({"temperature": 1.0, "seed": 1}, {"temperature": 1.0, "seed": 2}),
        ({"temperature": 1.0}, {"temperature": 1.0}),
    ],
    ids=str,
)
def test_documents_with_other_parameters_are_generated_anew(
    worker: Worker, params: dict[str, Any], other: dict[str, Any]
) -> None:
    assert worker.answer(worker.job(**params)) == list(TEXTS)
    assert worker.answer(worker.job(**other)) == list(TEXTS)


@pytest.mark.parametrize("params", [{}, {"temperature": 1.0, "seed": 1}, {"max_new_tokens": 7}], ids=str)
def test_documents_with_the_same_parameters_are_not_generated_again(
    worker: Worker, params: dict[str, Any]
) -> None:
    assert worker.answer(worker.job(**params)) == list(TEXTS)
    assert worker.answer(worker.job(**params)) == []


@pytest.mark.parametrize(
    "other", [{"weights": LoadedWeights("r2")}, {"dtype": "4bit"}, {"weights": UNKNOWN_WEIGHTS}], ids=str
)
def test_another_revision_of_the_model_generates_anew(worker: Worker, other: dict[str, Any]) -> None:
    worker.answer(worker.job())
    assert worker.answer(worker.job(), replace(INFO, **other)) == list(TEXTS)


def test_failures_are_never_reused(worker: Worker) -> None:
    assert worker.answer(worker.job(), failing=("b",)) == list(TEXTS)
    assert worker.answer(worker.job()) == ["b"]
    assert worker.answer(worker.job()) == []


def test_identical_documents_of_a_chunk_are_generated_once(worker: Worker) -> None:
    job_id = worker.job(("a", "b", "a", "a", "b"))
    assert worker.answer(job_id) == ["a", "b"]
    found = [(one.custom_id, one.text, one.reused) for one in worker.results(job_id)]
    assert found == [
        ("d0", "to a", False),
        ("d1", "to b", False),
        ("d2", "to a", True),
        ("d3", "to a", True),
        ("d4", "to b", True),
    ]


def test_identical_documents_of_a_chunk_fail_together(worker: Worker, store: Store) -> None:
    job_id = worker.job(("a", "b", "a"))
    assert worker.answer(job_id, failing=("a",)) == ["a", "b"]
    with store.reading() as connection:
        failed = [(error.custom_id, error.error.code) for error in errors_of(connection, job_id)]
    assert failed == [("d0", "too_long"), ("d2", "too_long")]


def test_without_reuse_each_identical_document_is_generated(worker: Worker) -> None:
    assert worker.answer(worker.job(("a", "a"), reuse=False)) == ["a", "a"]


def test_only_the_newest_copy_of_an_answer_keeps_the_fingerprint(worker: Worker, store: Store) -> None:
    for _ in range(3):
        worker.answer(worker.job(("a", "a")))
    with store.reading() as connection:
        kept = connection.execute(
            select(results.c.reused_from, results.c.fingerprint).order_by(results.c.job_id, results.c.seq)
        ).all()
    assert [one.fingerprint is not None for one in kept] == [False] * 4 + [True, False]
    assert [one.reused_from for one in kept] == [None, 1, 1, 1, 2, 2]


def test_an_answer_is_found_after_its_first_job_is_pruned(worker: Worker, store: Store) -> None:
    first = worker.job()
    worker.answer(first)
    worker.answer(worker.job())
    with store.writing() as connection:
        half = hold_ended(connection, first, 0.0, 60.0)
    assert half is not None
    assert remove(store, half)
    assert worker.answer(worker.job()) == []


def test_only_the_holder_of_the_fence_writes_reused_answers(worker: Worker, store: Store) -> None:
    worker.answer(worker.job())
    job_id = worker.job()
    dead = claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    reused = [Outcome(0, "late", answer(0).finish_reason, Usage(), reused_from=1)]
    with store.writing() as connection:
        assert rescue_expired(connection, max_crashes=2).requeued == 1
    assert worker.answer(job_id) == []
    with pytest.raises(LeaseLost), store.writing() as connection:
        hold_fence(connection, dead, 60)
        insert_outcomes(connection, dead, OutcomeRows.of(reused))
    assert [one.text for one in worker.results(job_id)] == ["to a", "to b", "to c"]


def test_documents_are_generated_when_the_store_is_away_during_the_look_up(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.answer(worker.job())
    job_id = worker.job()

    def away(*_: object) -> None:
        raise StoreAway(url="there", reason="it sleeps")

    monkeypatch.setattr("qwenq.worker.reuse.stage.earlier_answers", away)
    assert worker.answer(job_id) == list(TEXTS)


def test_a_document_that_cannot_be_rendered_fails_beside_reused_ones(worker: Worker) -> None:
    worker.answer(worker.job())
    content: list[Row] = [
        row(0, content='{"text": "a"}'),
        row(1, content='{"no": 1}'),
        row(2, content='{"text": "c"}'),
    ]
    job_id = store_job(worker.store, content)
    with worker.store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(reuse=True))
    assert worker.answer(job_id) == []
    assert [one.custom_id for one in worker.results(job_id)] == ["d0", "d2"]
