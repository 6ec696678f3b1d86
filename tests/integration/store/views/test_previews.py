"""Previews: answers page by page in input order, cut at a bound; and one document in full."""

from dataclasses import replace

from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.job_pages import CutText, DocumentDetails, PreviewPage
from qwenq.store.database.store import Store
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.jobs.previews import (
    ANSWER_CHARACTERS,
    CONTENT_CHARACTERS,
    document_details,
    preview_page,
)
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


def test_answers_come_in_input_order_a_page_at_a_time(store: Store) -> None:
    job_id = make_job(store, documents=5, chunk_documents=5)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [answer(3), answer(0), failure(1), answer(4), answer(2)])
    first = _page(store, job_id, after=-1)
    assert [(one.seq, one.custom_id, one.answer.text) for one in first.previews] == [
        (0, "d0", "answer 0"),
        (2, "d2", "answer 2"),
    ]
    assert first.next_after == 2
    rest = _page(store, job_id, after=2)
    assert ([one.seq for one in rest.previews], rest.next_after) == ([3, 4], None)


def test_a_job_without_answers_has_an_empty_page(store: Store) -> None:
    assert _page(store, make_job(store), after=-1) == PreviewPage((), None)


def test_long_texts_in_previews_are_cut_and_have_their_length(store: Store) -> None:
    content = '{"text": "' + "ä" * 10_000 + '"}'
    job_id = store_job(store, [row(0, content=content)])
    finish(store, claim_one(store, chunks_of(store, job_id)[0], make_worker(store)), [answer(0, "ö" * 1_000)])
    (preview,) = _page(store, job_id, after=-1).previews
    assert preview.content == CutText(content[:CONTENT_CHARACTERS], len(content))
    assert preview.answer == CutText("ö" * ANSWER_CHARACTERS, 1_000)
    assert not preview.answer.is_whole


def test_document_details_show_the_whole_document_and_answer(store: Store) -> None:
    job_id = make_job(store, documents=1)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    said = replace(answer(0, "long " * 1_000), reasoning="thinking")
    finish(store, claim, [said])
    document = _document(store, job_id, 0)
    assert document is not None
    assert (document.custom_id, document.source, document.line) == ("d0", "in.jsonl", 1)
    assert (document.state, document.content) == (DocumentState.SUCCEEDED, '{"text": "document 0"}')
    assert document.answer is not None
    assert (document.answer.text, document.answer.reasoning) == (said.text, "thinking")
    assert (document.answer.worker, document.answer.attempt) == ("w@here", 1)


def test_document_details_show_each_failure(store: Store) -> None:
    job_id = make_job(store, documents=1)
    worker_id = make_worker(store)
    finish(store, claim_one(store, chunks_of(store, job_id)[0], worker_id), [failure(0, message="first")])
    with store.writing() as connection:
        retry_failed(connection, job_id, ())
    finish(store, claim_one(store, chunks_of(store, job_id)[0], worker_id), [failure(0, message="second")])
    document = _document(store, job_id, 0)
    assert document is not None
    assert (document.error_code, document.error_message) == ("too_long", "second")
    assert [(past.round, past.error.message) for past in document.earlier] == [(1, "first")]
    assert document.answer is None


def test_a_missing_document_has_no_details(store: Store) -> None:
    assert _document(store, make_job(store, documents=1), 1) is None
    assert _document(store, 4711, 0) is None


def _page(store: Store, job_id: int, after: int) -> PreviewPage:
    with store.reading() as connection:
        return preview_page(connection, job_id, after, most=2)


def _document(store: Store, job_id: int, seq: int) -> DocumentDetails | None:
    with store.reading() as connection:
        return document_details(connection, job_id, seq)
