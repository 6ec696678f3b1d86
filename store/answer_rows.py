"""Answers on their way into the store, many at once, each by the quickest way of its database."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy.dialects import postgresql, sqlite

from schemas.chunks import Claim
from schemas.requests import Completion
from schemas.states import DocumentState
from schemas.tables import results
from store.clock import now
from store.copying import copy_rows
from store.earlier import hand_over

SQLITE_ROWS = 250
"""Rows of one statement: each number of rows is a statement to read, and SQLite takes some thirty thousand values."""
_COLUMNS = (
    "seq", "text", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "prefix_tokens", "fingerprint", "reused_from", "seconds", "parts",
)  # fmt: skip
_WHOSE = ("job_id", "chunk_id", "attempt", "worker_id")
Row = tuple[Any, ...]
_SETTLED = text(
    "SELECT clock_timestamp(), ARRAY("
    "SELECT seq FROM documents WHERE job_id = :of_job AND seq BETWEEN :first AND :last AND state <> 'pending' "
    "UNION ALL SELECT seq FROM results WHERE job_id = :of_job AND seq BETWEEN :first AND :last)"
)


def insert_answers(
    connection: Connection, claim: Claim, answers: Mapping[int, Completion]
) -> Sequence[Completion]:
    """Write the answers, by seq, of documents that have no outcome yet. Returns those. The caller holds the fence."""
    if not answers:
        return ()
    whose = tuple(getattr(claim, name) for name in _WHOSE)
    insert = _insert_into_sqlite if connection.dialect.name == "sqlite" else _insert_into_postgresql
    written = [answers[seq] for seq in insert(connection, whose, map(_row_of, answers.values()))]
    copies = (one.fingerprint for one in written if one.reused_from is not None)
    hand_over(connection, claim.job_id, [one for one in copies if one is not None])
    return written


def storable(said: str) -> str:
    """PostgreSQL keeps no NUL and no lone surrogate; a model may emit either."""
    return said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _row_of(answer: Completion) -> Row:
    """The values of _COLUMNS."""
    usage = answer.usage
    return (
        answer.key,
        storable(answer.text),
        None if answer.reasoning is None else storable(answer.reasoning),
        answer.finish_reason.value,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.prefix_tokens,
        answer.fingerprint,
        answer.reused_from,
        answer.seconds if answer.reused_from is None else None,
        answer.parts,
    )


def _insert_into_sqlite(connection: Connection, whose: Row, rows: Iterable[Row]) -> Sequence[int]:
    """Many rows a statement: the interpreter's lock is then free while SQLite works, and rows cost half."""
    written: list[int] = []
    waiting = iter(rows)
    while some := list(islice(waiting, SQLITE_ROWS)):
        values = (*whose, *chain.from_iterable(some))
        written += _seqs(connection.exec_driver_sql(_sqlite_insert(len(some)), values))
    return written


def _insert_into_postgresql(connection: Connection, whose: Row, rows: Iterable[Row]) -> Sequence[int]:
    """By COPY, which takes half of what an INSERT does, and cannot pass anything by: so that is asked before."""
    waiting = {row[0]: row for row in rows}
    job_id = whose[0]
    # Nobody else writes an outcome of these meanwhile: that takes the fence, which the caller holds.
    between = {"of_job": job_id, "first": min(waiting), "last": max(waiting)}
    at, settled = connection.execute(_SETTLED, between).one()
    for seq in settled:
        waiting.pop(seq, None)
    given = ((*whose, *row, at) for row in waiting.values())
    copy_rows(connection, results, (*_WHOSE, *_COLUMNS, "created_at"), _types(), given)
    return list(waiting)


def _seqs(inserted: CursorResult[Any]) -> Sequence[int]:
    return inserted.scalars().all()


@cache
def _sqlite_insert(rows: int) -> str:
    at = now().compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    first = len(_WHOSE) + 1
    width = len(_COLUMNS)
    values = ", ".join(
        "(" + ", ".join(f"?{first + row * width + column}" for column in range(width)) + ")"
        for row in range(rows)
    )
    whose = ", ".join(f"?{place}" for place in range(1, first))
    given = ", ".join(f"given.{name}" for name in _COLUMNS)
    # Not JOIN, nor EXISTS: whatever the planner believes of the table, this looks each document up in the index.
    state = "(SELECT state FROM documents WHERE job_id = ?1 AND seq = given.seq)"
    return (
        f"WITH given({', '.join(_COLUMNS)}) AS (VALUES {values}) "  # noqa: S608
        f"INSERT INTO results ({', '.join((*_WHOSE, *_COLUMNS))}, created_at) SELECT {whose}, {given}, {at} FROM given "
        f"WHERE {state} = '{DocumentState.PENDING}' ON CONFLICT DO NOTHING RETURNING seq"
    )


@cache
def _types() -> list[str]:
    """PostgreSQL's names of the columns' types."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    names = (*_WHOSE, *_COLUMNS, "created_at")
    return [results.c[name].type.compile(dialect).lower() for name in names]
