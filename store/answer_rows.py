"""Answers on their way into the store, many at once, each by the quickest way of its database."""

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any

import orjson
from sqlalchemy import Connection, CursorResult
from sqlalchemy.dialects import postgresql, sqlite

from schemas.chunks import Claim
from schemas.states import DocumentState
from schemas.tables import results
from store.clock import now
from store.earlier import hand_over
from store.outcome_rows import ANSWER_COLUMNS, AnswerRow

SQLITE_ROWS = 250
"""Rows of one statement: each number of rows is a statement to read, and SQLite takes some thirty thousand values."""
_WHOSE = ("job_id", "chunk_id", "attempt", "worker_id")
Whose = tuple[int, ...]


def insert_answers(connection: Connection, claim: Claim, answers: Sequence[AnswerRow]) -> Sequence[AnswerRow]:
    """Write the answers to documents that have no outcome yet. Returns those. The caller holds the fence."""
    if not answers:
        return ()
    whose = tuple(getattr(claim, name) for name in _WHOSE)
    insert = _insert_into_sqlite if connection.dialect.name == "sqlite" else _insert_into_postgresql
    seqs = insert(connection, whose, answers)
    written = answers if len(seqs) == len(answers) else _with_seqs(answers, set(seqs))
    copies = [
        fingerprint
        for *_, fingerprint, reused_from, _, _ in written
        if reused_from is not None and fingerprint is not None
    ]
    hand_over(connection, claim.job_id, copies)
    return written


def _with_seqs(answers: Sequence[AnswerRow], seqs: set[int]) -> Sequence[AnswerRow]:
    return [row for row in answers if row[0] in seqs]


def _insert_into_sqlite(connection: Connection, whose: Whose, rows: Iterable[AnswerRow]) -> Sequence[int]:
    """Many rows a statement: the interpreter's lock is then free while SQLite works, and rows cost half."""
    written: list[int] = []
    waiting = iter(rows)
    while some := list(islice(waiting, SQLITE_ROWS)):
        values = (*chain.from_iterable(some), *whose, whose[0])
        written += _seqs(connection.exec_driver_sql(_sqlite_insert(len(some)), values))
    return written


def _insert_into_postgresql(connection: Connection, whose: Whose, rows: Iterable[AnswerRow]) -> Sequence[int]:
    """One statement, one way there and back, however many rows."""
    given = [dict(zip(ANSWER_COLUMNS, row, strict=True)) for row in rows]
    return _seqs(connection.exec_driver_sql(_postgresql_insert(), (*whose, _as_json(given), whose[0])))


def _seqs(inserted: CursorResult[Any]) -> Sequence[int]:
    return inserted.scalars().all()


def _as_json(value: object) -> str:
    return orjson.dumps(value, default=_as_bytea).decode()


def _as_bytea(value: object) -> str:
    """Bytes as PostgreSQL reads them."""
    if not isinstance(value, bytes):
        raise TypeError
    return f"\\x{value.hex()}"


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


@cache
def _sqlite_insert(rows: int) -> str:
    at = now().compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    values = ", ".join([f"({_marks(ANSWER_COLUMNS)})"] * rows)
    given = f"given({', '.join(ANSWER_COLUMNS)}) AS (VALUES {values})"
    return f"WITH {given} {_insertion(_marks(_WHOSE), 'given', '?', str(at))}"


@cache
def _postgresql_insert() -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    at = now().compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    columns = (results.c[name] for name in ANSWER_COLUMNS)
    types = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in columns)
    given = f"json_to_recordset(CAST(%s AS json)) AS given({types})"
    whose = ", ".join(f"CAST(%s AS {results.c[name].type.compile(dialect)})" for name in _WHOSE)
    return _insertion(whose, given, "(SELECT CAST(%s AS bigint))", str(at))


def _insertion(whose: str, source: str, job_id: str, at: str) -> str:
    """Insert what is given of documents without an outcome, and say which. A document's first answer stands."""
    # Not JOIN, nor EXISTS: whatever the planner believes of the table, this looks each document up in the index.
    state = f"(SELECT state FROM documents WHERE job_id = {job_id} AND seq = given.seq)"  # noqa: S608
    columns = ", ".join((*_WHOSE, *ANSWER_COLUMNS, "created_at"))
    given = ", ".join(f"given.{name}" for name in ANSWER_COLUMNS)
    return (
        f"INSERT INTO results ({columns}) SELECT {whose}, {given}, {at} FROM {source} "  # noqa: S608
        f"WHERE {state} = '{DocumentState.PENDING}' ON CONFLICT DO NOTHING RETURNING seq"
    )
