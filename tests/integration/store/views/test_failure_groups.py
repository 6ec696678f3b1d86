"""Failures by error code: counts, a few different messages, and where the documents are."""

from qwenq.schemas.views.job_pages import CutText, FailedDocument, FailureGroup
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.failure_groups import (
    DOCUMENTS_OF_MESSAGE,
    MESSAGE_CHARACTERS,
    MESSAGES,
    failure_groups,
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


def test_a_job_without_failures_has_no_groups(store: Store) -> None:
    assert _groups(store, make_job(store)) == []


def test_the_most_frequent_error_code_comes_first_with_its_count(store: Store) -> None:
    job_id = make_job(store, documents=10, chunk_documents=9, bad={4})
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [answer(0), *(failure(seq) for seq in (1, 2, 3)), *map(answer, range(5, 10))])
    long, bad = _groups(store, job_id)
    assert (long.code, long.documents) == ("too_long", 3)
    assert (bad.code, bad.documents) == ("invalid_row", 1)
    assert bad.messages[0].documents == (FailedDocument(4, None, "in.jsonl", 5),)


def test_equal_failure_messages_are_grouped_with_some_documents(store: Store) -> None:
    job_id = make_job(store, documents=10, chunk_documents=10)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [failure(seq, message="often" if seq else "once") for seq in range(10)])
    (group,) = _groups(store, job_id)
    often, once = group.messages
    assert (often.message, once.message) == (CutText("often", 5), CutText("once", 4))
    assert [document.custom_id for document in often.documents] == ["d1", "d2", "d3", "d4", "d5"]
    assert len(often.documents) == DOCUMENTS_OF_MESSAGE


def test_a_failure_group_shows_few_messages_and_cuts_long_ones(store: Store) -> None:
    job_id = make_job(store, documents=10, chunk_documents=10)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [failure(seq, message=f"{seq}" * 1_000) for seq in range(10)])
    (group,) = _groups(store, job_id)
    assert (group.documents, len(group.messages)) == (10, MESSAGES)
    assert group.messages[0].message == CutText("0" * MESSAGE_CHARACTERS, 1_000)
    assert not group.messages[0].message.is_whole


def test_a_failed_document_of_the_second_file_names_that_file(store: Store) -> None:
    job_id = store_job(store, [row(0), row(1, source=1)], sources=("a.csv", "b.csv"))
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [answer(0), failure(1)])
    (group,) = _groups(store, job_id)
    assert group.messages[0].documents == (FailedDocument(1, "d1", "b.csv", 2),)


def _groups(store: Store, job_id: int) -> list[FailureGroup]:
    with store.reading() as connection:
        return failure_groups(connection, job_id)
