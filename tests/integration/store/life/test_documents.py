"""Documents in bulk: good and bad rows come out as they went in."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, exc, func, select, text

from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidRow, StoreAway
from qwenq.schemas.states import ChunkState, DocumentState
from qwenq.schemas.tables.core import documents
from qwenq.store.conditions import document_state
from qwenq.store.database.store import Store
from qwenq.store.life.documents import insert_rows
from qwenq.store.views.work.assignments import assignment_of, unfinished_documents
from tests.builders import (
    answer,
    chunks_of,
    claim_one,
    failure,
    make_job,
    make_worker,
    row,
    rows,
    store_job,
    write,
)
from tests.integration.store.conftest import Audited, wait_until_blocked

CONTENTS = (
    '{"text": "plain"}',
    "{}",
    json.dumps({"text": 'quotes " and \' and ""doubled""'}),
    json.dumps({"text": "tab\t newline\n return\r backspace\b"}),
    '{"text": "raw\ttab and raw\nnewline and raw\r\nreturn"}',
    r'{"text": "C:\\temp\\new \\N \\. \\t"}',
    "\\N",
    "\\.",
    "a\\.\n\\.\nb",
    '{"text": "Grüße, 東京, \U0001f600, e\u0301, \u200b, \u2028, \ufeff, \x7f, \x01"}',
    r'{"text": "\ud800 \u0000"}',
    '{"text": "%s %(name)s :name ? $1 {0} \'; DROP TABLE documents; --"}',
    '{"text": "' + "long " * 50_000 + '"}',
)


def test_contents_survive_whatever_characters_they_hold(store: Store) -> None:
    job_id = store_job(store, [row(place, content=content) for place, content in enumerate(CONTENTS)], 100)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.reading() as connection:
        found = assignment_of(connection, claim).documents
    assert [content for _, content in found] == list(CONTENTS)
    assert [seq for seq, _ in found] == list(range(len(CONTENTS)))


def test_rows_keep_their_place_source_line_and_id(store: Store) -> None:
    given: list[Row] = [
        Document("a", 0, 1, "{}"),
        Document("ä/ö \t'\"\\N", 0, 7, "{}"),
        BadRow(1, 1, '{"broken\n\\N', 'Expecting ":"\tat \\ column 9'),
        Document("42", 1, 3, "{}"),
    ]
    job_id = store_job(store, given, sources=("one.jsonl", "two.jsonl"))
    with store.reading() as connection:
        assert _stored(connection, job_id) == [
            (0, "a", 0, 1, DocumentState.PENDING, "{}", None, None, None),
            (1, "ä/ö \t'\"\\N", 0, 7, DocumentState.PENDING, "{}", None, None, None),
            (
                2,
                None,
                1,
                1,
                DocumentState.FAILED,
                '{"broken\n\\N',
                InvalidRow.code,
                'Expecting ":"\tat \\ column 9',
                None,
            ),
            (3, "42", 1, 3, DocumentState.PENDING, "{}", None, None, None),
        ]


def test_insert_rows_returns_the_seqs_of_bad_rows(store: Store) -> None:
    job_id = make_job(store, documents=0, released=False)
    with store.writing() as connection:
        assert insert_rows(connection, job_id, 0, rows(5, bad=(1, 4)), ["in.jsonl"]) == [1, 4]
        assert insert_rows(connection, job_id, 5, rows(10)[5:], ["in.jsonl"]) == []


def test_thousands_of_rows_go_in_at_once(store: Store) -> None:
    job_id = make_job(store, documents=4_000, chunk_documents=1_000)
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).where(documents.c.job_id == job_id)) == 4_000


def test_a_claim_gets_documents_without_an_outcome_in_input_order(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=12, chunk_documents=8, bad=(3,))
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    write(store, claim, [answer(5), failure(0), answer(6)])
    with store.reading() as connection:
        found = unfinished_documents(connection, claim)
    assert [(seq, own_id) for seq, _, own_id in found] == [(seq, f"d{seq}") for seq in (1, 2, 4, 7, 8)]
    assert audited(job_id).documents.failed == 2


def test_a_claim_gets_no_documents_of_another_job(store: Store) -> None:
    make_job(store, documents=4)
    job_id = make_job(store, documents=4)
    make_job(store, documents=4)
    claim = claim_one(store, chunks_of(store, job_id, ChunkState.QUEUED)[0], make_worker(store))
    assert claim.job_id == job_id
    with store.reading() as connection:
        found = unfinished_documents(connection, claim)
        running = connection.scalar(select(func.count()).where(document_state() == DocumentState.RUNNING))
    assert (len(found), running) == (4, 4)


def test_another_violated_constraint_is_not_reported_as_a_duplicate(store: Store) -> None:
    job_id = make_job(store, documents=4)
    with pytest.raises(exc.IntegrityError), store.writing() as connection:
        insert_rows(connection, job_id, 3, [row(100)], ["in.jsonl"])


def test_a_store_that_goes_away_under_a_copy_is_away(postgres: Store) -> None:
    """A COPY bypasses SQLAlchemy, but its errors must still be recognized."""
    job_id = make_job(postgres, documents=1)

    def insert() -> None:
        with postgres.writing() as connection:
            insert_rows(connection, job_id, 1, [row(9, "same")], ["in.jsonl"])

    end_others = text(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query LIKE 'COPY%'"
    )
    with ThreadPoolExecutor() as threads, postgres.writing() as connection:
        insert_rows(connection, job_id, 2, [row(9, "same")], ["in.jsonl"])
        inserting = threads.submit(insert)
        wait_until_blocked(postgres, inserting)
        assert connection.execute(end_others).scalar_one() >= 1
        with pytest.raises(StoreAway):
            inserting.result(30)


def _stored(connection: Connection, job_id: int) -> list[tuple[object, ...]]:
    columns = [column for column in documents.columns if column.name != "job_id"]
    found = connection.execute(select(*columns).where(documents.c.job_id == job_id).order_by(documents.c.seq))
    return [tuple(one) for one in found]
