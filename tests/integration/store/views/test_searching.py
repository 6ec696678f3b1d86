"""A search for documents of a job, on both databases."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.results import FinishReason
from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.found_documents import AnswerKind, DocumentFilter, FoundPage
from qwenq.store.database.store import Store
from qwenq.store.views.answers import searching
from qwenq.store.views.answers.searching import search_documents
from tests.builders import (
    answer,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
    store_job,
)

CONTENTS = (
    {"text": "Hello Müller, 50% off", "city": "Łódź"},
    {"text": 'a_b and a\\b say "hello"\nin two lines'},
    {"text": "合同 of ГОСТ"},
    {"nested": [{"text": "deep"}], "number": 4711},
)


@pytest.fixture
def mixed(store: Store) -> int:
    """Answers (one cut, one reused), failures, a bad row, and running documents; ids d0, d1 and so on."""
    rows: list[Row] = [row(place, content=json.dumps(CONTENTS[place], ensure_ascii=place % 2 == 0))
                       for place in range(4)]  # fmt: skip
    rows += [BadRow(0, 5, "raw Text", "not JSON", custom_id="shown"), row(5), row(6), row(7), row(8)]
    job_id = store_job(store, rows, 3)
    worker = make_worker(store)
    first, second, third, *_ = chunks_of(store, job_id)
    finish(
        store,
        claim_one(store, first, worker),
        [
            replace(answer(0, "Über ALLES"), finish_reason=FinishReason.LENGTH),
            replace(answer(1, "plain"), reused_from=job_id),
            failure(2),
        ],
    )
    finish(store, claim_one(store, second, worker))
    claim_one(store, third, worker)
    return job_id


def found(store: Store, job_id: int, wanted: DocumentFilter, after: int = -1, most: int = 100) -> FoundPage:
    with store.reading() as connection:
        return search_documents(connection, job_id, wanted, after, most)


def places(page: FoundPage) -> list[int]:
    return [document.seq for document in page.documents]


CASES = [
    (DocumentFilter(), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
    (DocumentFilter(id="d1"), [1]),
    (DocumentFilter(id="D"), [0, 1, 2, 3, 5, 6, 7, 8]),
    (DocumentFilter(id="sho"), [4]),
    (DocumentFilter(id="in.jsonl:5"), [4]),
    (DocumentFilter(id="d1", text="hello"), [1]),
    (DocumentFilter(id="d1", text="müller"), []),
    (DocumentFilter(text="hello"), [0, 1]),
    (DocumentFilter(text="MÜLLER"), [0]),
    (DocumentFilter(text="łódź"), [0]),
    (DocumentFilter(text="0% o"), [0]),
    (DocumentFilter(text="a_b"), [1]),
    (DocumentFilter(text="a\\b"), [1]),
    (DocumentFilter(text='"hello"\nin'), [1]),
    (DocumentFilter(text="合同"), [2]),
    (DocumentFilter(text="гост"), [2]),
    (DocumentFilter(text="text"), [4]),
    (DocumentFilter(text="deep"), [3]),
    (DocumentFilter(text="471"), [3]),
    (DocumentFilter(answer="über all"), [0]),
    (DocumentFilter(answer="nothing like it"), []),
    (DocumentFilter(code="too_long"), [2]),
    (DocumentFilter(code="too_long", text="合同"), [2]),
    (DocumentFilter(code="too_long", text="hello"), []),
    (DocumentFilter(code="too_long", state=DocumentState.SUCCEEDED), []),
    (DocumentFilter(code="poison"), []),
    (DocumentFilter(code="too_long", id="d2"), [2]),
    (DocumentFilter(code="too_long", id="d1"), []),
    (DocumentFilter(state=DocumentState.FAILED), [2, 4]),
    (DocumentFilter(state=DocumentState.SUCCEEDED), [0, 1, 3, 5, 6]),
    (DocumentFilter(state=DocumentState.RUNNING), [7, 8]),
    (DocumentFilter(state=DocumentState.PENDING), []),
    (DocumentFilter(kind=AnswerKind.CUT), [0]),
    (DocumentFilter(kind=AnswerKind.REUSED), [1]),
    (DocumentFilter(kind=AnswerKind.EMPTY), []),
    (DocumentFilter(kind=AnswerKind.CUT, text="hello"), [0]),
]
"""Conditions, and the documents of `mixed` that match. In one test, since a store takes longer than all searches."""


def test_documents_that_match_everything_given_are_found(store: Store, mixed: int) -> None:
    pages = [found(store, mixed, wanted) for wanted, _ in CASES]
    assert [(wanted, places(page)) for (wanted, _), page in zip(CASES, pages, strict=True)] == CASES
    assert all((page.next_after, page.stopped) == (None, False) for page in pages)


def test_a_found_document_shows_its_state_answer_and_failure(store: Store, mixed: int) -> None:
    first, _, third, *_ = found(store, mixed, DocumentFilter()).documents
    assert (first.state, first.finish_reason, first.answer and first.answer.text) == (
        "succeeded",
        "length",
        "Über ALLES",
    )
    assert (third.state, third.error_code, third.answer) == ("failed", "too_long", None)
    assert third.error_message is not None
    assert third.error_message.text == "much too long"


@pytest.mark.parametrize(
    ("wanted", "bad", "expected"),
    [
        (DocumentFilter(text="document"), (), range(53)),
        (DocumentFilter(code="invalid_row"), range(3, 53, 2), range(3, 53, 2)),
    ],
    ids=["text", "code"],
)
def test_pages_of_a_search_follow_each_other_without_a_gap(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    wanted: DocumentFilter,
    bad: Sequence[int],
    expected: Sequence[int],
) -> None:
    monkeypatch.setattr(searching, "PIECE_DOCUMENTS", 7)
    monkeypatch.setattr(searching, "CANDIDATES", 2)
    monkeypatch.setattr(searching, "_CHUNKS_AT_ONCE", 2)
    job_id = make_job(store, documents=53, chunk_documents=5, bad=bad)
    seen: list[int] = []
    after: int | None = -1
    while after is not None:
        page = found(store, job_id, wanted, after, 4)
        seen += places(page)
        after = page.next_after
    assert seen == list(expected)


def test_a_search_that_takes_too_long_says_where_it_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "PIECE_DOCUMENTS", 10)
    job_id = make_job(store, documents=30)
    with store.reading() as connection:
        page = search_documents(connection, job_id, DocumentFilter(text="document 29"), -1, 5, seconds=0.0)
        assert (places(page), page.next_after, page.stopped) == ([], 9, True)
        rest = search_documents(connection, job_id, DocumentFilter(text="document 29"), 9, 5)
    assert places(rest) == [29]
