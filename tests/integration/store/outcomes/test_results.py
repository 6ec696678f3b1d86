"""Outcomes: counted once however often written, stored whatever they contain, read in input order."""

import sys
from dataclasses import replace

import pytest
from sqlalchemy import select

from qwenq.schemas.jobs import DocumentCounts
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.results import EmptyCause, Failure, FinishReason, Usage
from qwenq.schemas.tables.core import batches, results
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter, FoundDocument
from qwenq.store.conditions import WHITE_SPACE
from qwenq.store.database.store import Store
from qwenq.store.life.halving import split_chunk
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.answers import results as results_module
from qwenq.store.views.answers.results import count_answers, errors_of, results_of
from qwenq.store.views.answers.searching import search_documents
from qwenq.store.views.jobs.statuses import job_status
from qwenq.wording.found_documents import state_in_words
from tests.audit import audit
from tests.builders import (
    MODEL,
    answer,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    write,
)
from tests.integration.store.conftest import Audited


def test_outcomes_written_twice_are_counted_once(store: Store, audited: Audited) -> None:
    """A commit whose confirmation was lost is tried again."""
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    for _ in range(2):
        write(store, claim, [answer(0), failure(1), answer(2), failure(3)])
    status = audited(job_id)
    assert (status.documents.succeeded, status.documents.failed) == (2, 2)
    assert status.usage.completion_tokens == 2 + 4


def test_the_first_outcome_of_a_document_stands(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(store, claim, [answer(0, "first"), failure(1, "first")])
    write(store, claim, [answer(0, "second"), failure(0), answer(1), failure(1, "second")])
    with store.reading() as connection:
        assert [one.text for one in results_of(connection, job_id)] == ["first"]
        assert [one.error.code for one in errors_of(connection, job_id)] == ["first"]
    audited(job_id)


def test_a_document_that_is_twice_in_one_batch_of_outcomes_is_counted_once(
    store: Store, audited: Audited
) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(
        store, claim, [answer(0, "first"), answer(0, "second"), failure(1), failure(1), answer(2), failure(2)]
    )
    status = audited(job_id)
    assert (status.documents.succeeded, status.documents.failed) == (2, 1)
    with store.reading() as connection:
        assert [one.text for one in results_of(connection, job_id)] == ["first", "answer 2"]


def test_hundreds_of_answers_are_written_only_where_none_exists(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=700, chunk_documents=700)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    before = [answer(0, "first"), failure(1), answer(300, "first"), failure(301), answer(699, "first")]
    write(store, claim, before)
    write(store, claim, [answer(seq, "second") for seq in range(700)])
    assert audited(job_id).documents.succeeded == 698
    with store.reading() as connection:
        texts = [one.text for one in results_of(connection, job_id)]
    assert (texts.count("first"), texts.count("second")) == (3, 695)


def test_empty_answers_are_counted_and_found_by_their_cause(store: Store) -> None:
    """Also in the halves of a chunk, and where the answer is reused: it has no usage."""
    job_id = make_job(store, documents=8, chunk_documents=8)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    long = Usage(9, 30, 20)
    told = [
        Outcome(0, "", FinishReason.LENGTH, long, "Let me"),
        Outcome(1, "", FinishReason.STOP, long, "It is"),
        Outcome(2, WHITE_SPACE, FinishReason.STOP, long),
        Outcome(3, "", FinishReason.LENGTH, Usage(), "Let me", reused_from=job_id),
        Outcome(4, "\n ", FinishReason.STOP, long, "", parts=3),
        Outcome(5, "x", FinishReason.LENGTH, long, "It is"),
        Outcome(6, "", FinishReason.LENGTH, long),
        failure(7),
    ]
    write(store, claim, told)
    counts = counts_of(store, job_id)
    assert (counts.cut, counts.empty, counts.reasoning_cut, counts.reasoning_ended) == (4, 6, 2, 2)
    kinds = {kind: found_of(store, job_id, kind) for kind in AnswerKind}
    assert {kind: [one.seq for one in found] for kind, found in kinds.items()} == {
        AnswerKind.CUT: [0, 3, 5, 6],
        AnswerKind.EMPTY: [0, 1, 2, 3, 4, 6],
        AnswerKind.REASONING_CUT: [0, 3],
        AnswerKind.REASONING_ENDED: [1, 4],
        AnswerKind.REUSED: [3],
    }
    assert [state_in_words(one) for one in kinds[AnswerKind.EMPTY]] == [
        "succeeded, reasoning cut", "succeeded, ended in its reasoning", "succeeded, empty",
        "succeeded, reasoning cut, reused", "succeeded, ended in its reasoning", "succeeded, empty",
    ]  # fmt: skip
    assert [one.empty_cause for one in found_of(store, job_id, None)[5:]] == [None, EmptyCause.NO_TEXT, None]
    with store.writing() as connection:
        split_chunk(connection, claim.chunk_id, at=2)
    assert counts_of(store, job_id) == counts


def test_the_databases_take_the_white_space_of_python() -> None:
    assert "".join(filter(str.isspace, map(chr, range(sys.maxunicode)))) == WHITE_SPACE


def counts_of(store: Store, job_id: int) -> DocumentCounts:
    with store.reading() as connection:
        audit(connection, job_id)
        status = job_status(connection, job_id)
    assert status is not None
    return status.documents


def found_of(store: Store, job_id: int, kind: AnswerKind | None) -> tuple[FoundDocument, ...]:
    with store.reading() as connection:
        return search_documents(connection, job_id, DocumentFilter(kind=kind), -1, 100).documents


def test_empty_outcomes_change_nothing(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(store, claim, [])
    assert audited(job_id).documents.running == 4


def test_an_answer_comes_back_as_it_was_given(store: Store) -> None:
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    cut = Outcome(1, "Ünïcode \\N \t\n'\"\x01", FinishReason.LENGTH, Usage(11, 22, 7), "so I\nthink")
    finish(store, claim, [answer(0), cut])
    with store.reading() as connection:
        plain, second = results_of(connection, job_id)
        assert count_answers(connection, job_id) == 2
    assert (plain.custom_id, plain.reasoning, plain.finish_reason) == ("d0", None, FinishReason.STOP)
    assert (second.text, second.reasoning) == (cut.text, cut.reasoning)
    assert (second.finish_reason, second.usage, second.model) == (FinishReason.LENGTH, cut.usage, MODEL)


def test_usage_and_seconds_are_kept_except_for_reused_answers(store: Store) -> None:
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(
        store, claim, [replace(answer(0), seconds=1.5), replace(answer(1), seconds=1.5, reused_from=job_id)]
    )
    with store.reading() as connection:
        kept = connection.execute(select(results.c.seconds).order_by(results.c.seq)).scalars().all()
    assert kept == [1.5, None]


def test_a_failure_keeps_its_code_and_message(store: Store) -> None:
    job_id = make_job(store, documents=3, bad=(0,))
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [failure(1, "too_long", "The prompt has 9 tokens\nand 'more'."), answer(2)])
    with store.reading() as connection:
        bad, failed = errors_of(connection, job_id)
    assert (bad.custom_id, bad.line, bad.error) == (None, 1, Failure("invalid_row", "not JSON"))
    expected = Failure("too_long", "The prompt has 9 tokens\nand 'more'.")
    assert (failed.custom_id, failed.line, failed.error) == ("d1", 2, expected)


@pytest.mark.parametrize(
    ("told", "kept", "message"),
    [
        ("a\0b", "a\0b", "a\\x00b"),
        ("\0é", "\0é", "\\x00é"),
        ("\x1a0\0\x1a1\x1a", "\x1a0\0\x1a1\x1a", "\x1a0\\x00\x1a1\x1a"),
        ("half \ud83d pair", "half ? pair", "half \\ud83d pair"),
        ("\U0001f600", "\U0001f600", "\U0001f600"),
    ],
)
def test_answers_keep_what_a_database_cannot_hold(store: Store, told: str, kept: str, message: str) -> None:
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [answer(0, told, reasoning=told), failure(1, message=told)])
    with store.reading() as connection:
        (result,) = results_of(connection, job_id)
        (error,) = errors_of(connection, job_id)
    assert (result.text, result.reasoning, error.error.message) == (kept, kept, message)


@pytest.mark.parametrize("page", [1, 3, 4, 1_000])
def test_pages_are_read_in_input_order_whatever_the_order_of_writing(
    store: Store, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr(results_module, "PAGE_ROWS", page)
    job_id = make_job(store, documents=16, chunk_documents=8, bad=(0, 9))
    worker_id = make_worker(store)
    for chunk_id in reversed(chunks_of(store, job_id)):
        claim = claim_one(store, chunk_id, worker_id)
        outcomes = [failure(one.seq) if one.seq % 3 == 0 else one for one in reversed(answers(claim))]
        finish(store, claim, outcomes)
    with store.reading() as connection:
        answered = [one.custom_id for one in results_of(connection, job_id)]
        failed = [one.line - 1 for one in errors_of(connection, job_id)]
    assert answered == [f"d{place}" for place in range(16) if place % 3 and place not in (0, 9)]
    assert failed == [0, 3, 6, 9, 12, 15]


def test_a_job_without_answers_has_no_results(store: Store) -> None:
    job_id = make_job(store)
    other = make_job(store, documents=2)
    finish(store, claim_one(store, chunks_of(store, other)[0], make_worker(store)), [answer(0), failure(1)])
    with store.reading() as connection:
        assert list(results_of(connection, job_id)) == []
        assert list(errors_of(connection, job_id)) == []
        assert count_answers(connection, job_id) == 0


def test_metrics_of_batches_are_kept(store: Store) -> None:
    claim = claim_one(store, chunks_of(store, make_job(store))[0], make_worker(store))
    measured = BatchMetrics(4, 40, 48, 20, 0.5, 1_000, 2_000, prefix_tokens=7)
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, [measured, measured])
        insert_batches(connection, claim, MODEL, [])
    with store.reading() as connection:
        kept = connection.execute(batches.select()).all()
    assert [
        (one.job_id, one.rows, one.padded_tokens, one.prefix_tokens, one.tokens_per_second) for one in kept
    ] == [(claim.job_id, 4, 48, 7, 40.0)] * 2
