"""An id that is used twice in a job: the first row keeps it, the second becomes a bad row that says where that was."""

import pytest
from sqlalchemy import Row as StoredRow
from sqlalchemy import select

from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.states import DocumentState
from qwenq.schemas.tables.core import documents
from qwenq.store.database.store import Store
from qwenq.store.life.documents import RAW_DUPLICATE_CHARS, insert_rows
from qwenq.store.life.jobs import create_job
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.work.assignments import assignment_of
from tests.builders import (
    MODEL,
    answer,
    answer_all,
    chunks_of,
    claim_one,
    finish,
    make_worker,
    row,
    store_job,
)
from tests.integration.store.conftest import Audited


def test_an_id_used_twice_in_one_batch_is_a_bad_row_that_names_the_first(
    store: Store, audited: Audited
) -> None:
    job_id = store_job(store, [row(0), row(1, "twice"), row(2), row(3, "twice", '{"text": "other"}')])
    first, second = _stored(store, job_id)[1], _stored(store, job_id)[3]
    assert (first.custom_id, first.state) == ("twice", DocumentState.PENDING)
    assert (second.custom_id, second.state, second.error_code) == (
        None,
        DocumentState.FAILED,
        InvalidRow.code,
    )
    assert second.error_message == "the id 'twice' was used before, on line 2; ids must be unique in a job"
    assert (second.line, second.content) == (4, '{"text": "other"}')
    assert audited(job_id).documents.failed == 1


def test_an_id_used_again_in_a_later_batch_names_the_first(store: Store) -> None:
    job_id = _begin(store)
    assert _insert(store, job_id, 0, [row(0), row(1, "twice")]) == []
    assert _insert(store, job_id, 2, [row(2)]) == []
    assert _insert(store, job_id, 3, [row(3), row(4, "twice"), row(5)]) == [4]
    assert "on line 2;" in _stored(store, job_id)[4].error_message
    assert [one.custom_id for one in _stored(store, job_id)] == ["d0", "twice", "d2", "d3", None, "d5"]


def test_an_id_used_in_many_batches_names_the_first_each_time(store: Store) -> None:
    job_id = _begin(store)
    bad = [
        place
        for batch in range(5)
        for place in _insert(
            store, job_id, batch * 3, [row(batch * 3), row(batch * 3 + 1, "same"), row(batch * 3 + 2, "same")]
        )
    ]
    assert bad == [2, 4, 5, 7, 8, 10, 11, 13, 14]
    assert all("on line 2;" in _stored(store, job_id)[place].error_message for place in bad)


def test_a_duplicate_id_names_the_file_of_the_first_use(store: Store) -> None:
    twice: list[Row] = [Document("a", 0, 1, "{}"), Document("b", 1, 5, "{}"), Document("b", 2, 9, "{}")]
    job_id = store_job(store, twice, sources=("one.jsonl", "two.csv", "three.jsonl"))
    assert "on line 5 of two.csv;" in _stored(store, job_id)[2].error_message


def test_a_duplicate_id_keeps_the_first_answer_and_the_second_fails(store: Store, audited: Audited) -> None:
    job_id = store_job(store, [row(0, "x"), row(1, "x"), row(2, "y")])
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.reading() as connection:
        assert [seq for seq, _ in assignment_of(connection, claim).documents] == [0, 2]
    finish(store, claim, [answer(0, "first"), answer(2, "third")])
    with store.reading() as connection:
        assert [(one.custom_id, one.text) for one in results_of(connection, job_id)] == [
            ("x", "first"),
            ("y", "third"),
        ]
        assert [(one.custom_id, one.line) for one in errors_of(connection, job_id)] == [("x", 2)]
    audited(job_id)


def test_a_bad_row_has_no_id_and_uses_up_none(store: Store) -> None:
    job_id = store_job(store, [BadRow(0, 1, "x", "broken"), BadRow(0, 2, "x", "broken"), row(2, "x")])
    assert [one.custom_id for one in _stored(store, job_id)] == [None, None, "x"]


def test_the_same_id_in_another_job_is_no_duplicate(store: Store, audited: Audited) -> None:
    worker_id = make_worker(store)
    for _ in range(2):
        job_id = store_job(store, [row(0, "x")])
        answer_all(store, job_id, worker_id)
        assert audited(job_id).documents.succeeded == 1


@pytest.mark.parametrize("other", ["X", "x ", "ä", "a\u0308", "\\x"])
def test_ids_that_only_look_alike_are_different(store: Store, other: str) -> None:
    job_id = store_job(
        store, [row(0, "x"), row(1, "a"), row(2, other), row(3, "\xe4" if other != "ä" else "e")]
    )
    assert [one.error_code for one in _stored(store, job_id)] == [None] * 4


def test_a_long_duplicate_is_kept_shortened(store: Store) -> None:
    job_id = store_job(store, [row(0, "x"), row(1, "x", "y" * 10_000)])
    assert _stored(store, job_id)[1].content == "y" * RAW_DUPLICATE_CHARS


def test_a_batch_of_duplicates_only_is_stored(store: Store) -> None:
    job_id = _begin(store)
    _insert(store, job_id, 0, [row(place) for place in range(1_000)])
    assert len(_insert(store, job_id, 1_000, [row(place) for place in range(1_000)])) == 1_000


def _begin(store: Store) -> int:
    with store.writing() as connection:
        return create_job(connection, JobSpec(model=MODEL))


def _insert(store: Store, job_id: int, first_seq: int, batch: list[Document]) -> list[int]:
    with store.writing() as connection:
        return insert_rows(connection, job_id, first_seq, batch, ["in.jsonl"])


def _stored(store: Store, job_id: int) -> list[StoredRow[*tuple[object, ...]]]:
    with store.reading() as connection:
        return list(
            connection.execute(
                select(documents).where(documents.c.job_id == job_id).order_by(documents.c.seq)
            ).all()
        )
