"""Insert many answers at once, in the quickest way of each database."""

from collections.abc import Collection, Sequence
from enum import Enum
from functools import cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import BigInteger, Connection, CursorResult, bindparam, cast, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from qwenq.schemas.chunks import Claim
from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import documents, results
from qwenq.store.conditions import of_job
from qwenq.store.database.clock import now
from qwenq.store.outcomes.outcome_rows import ANSWER_COLUMNS, AnswerRow
from qwenq.store.views.answers.earlier import look_up_by_index

SQLITE_ROWS = 250
"""Rows a statement: each number of rows is a statement to parse, and SQLite takes some thirty thousand values."""
_WHOSE = ("job_id", "chunk_id", "attempt", "worker_id")

_JOB = select(cast(bindparam("of_job"), BigInteger)).scalar_subquery()
_WAITING_AND_ANSWERED = select(
    select(func.count())
    .where(
        of_job(bindparam("of_job")),
        documents.c.seq.between(bindparam("first"), bindparam("last")),
        documents.c.state == StoredDocumentState.PENDING,
    )
    .scalar_subquery(),
    select(func.count())
    .where(results.c.job_id == _JOB, results.c.seq.between(bindparam("first"), bindparam("last")))
    .scalar_subquery(),
)


class _Rule(Enum):
    """Which answers are written: all, or only those to documents without an outcome, whose seqs are returned."""

    ALL = ""
    OPEN = (
        # Not JOIN or EXISTS: whatever the planner expects, this looks each document up in the index.
        " WHERE (SELECT state FROM documents WHERE job_id = {job_id} AND seq = CAST(given.seq AS integer))"  # noqa: S608
        f" = '{StoredDocumentState.PENDING}' ON CONFLICT DO NOTHING RETURNING seq"
    )


def insert_answers(connection: Connection, claim: Claim, answers: Sequence[AnswerRow]) -> Sequence[AnswerRow]:
    """Insert the answers to documents without an outcome. Returns those. The caller holds the fence."""
    if not answers:
        return ()
    insert = _insert_into_sqlite if connection.dialect.name == "sqlite" else _insert_into_postgresql
    if _are_all_open(connection, claim, answers):
        insert(connection, claim, answers, _Rule.ALL)
        written = answers
    else:
        seqs = set(insert(connection, claim, answers, _Rule.OPEN))
        written = [row for row in answers if row[0] in seqs]
    copies = [
        fingerprint
        for *_, fingerprint, reused_from, _, _ in written
        if reused_from is not None and fingerprint is not None
    ]
    _hand_over(connection, claim.job_id, copies)
    return written


def _are_all_open(connection: Connection, claim: Claim, answers: Sequence[AnswerRow]) -> bool:
    """Whether no document from the first to the last of these has an outcome, as usual.

    It costs a fraction of looking each up, and stays true: only the holder of the fence writes outcomes.
    """
    seqs = [row[0] for row in answers]
    first, last = min(seqs), max(seqs)
    between = {"of_job": claim.job_id, "first": first, "last": last}
    waiting, answered = connection.execute(_WAITING_AND_ANSWERED, between).one()
    return bool(waiting == last - first + 1 and not answered)


def _insert_into_sqlite(
    connection: Connection, claim: Claim, rows: Sequence[AnswerRow], rule: _Rule
) -> Sequence[int]:
    """Insert many rows a statement: SQLite works without the interpreter's lock, and a row costs half."""
    seqs: list[int] = []
    for start in range(0, len(rows), SQLITE_ROWS):
        some = rows[start : start + SQLITE_ROWS]
        values = (*_whose(claim), *chain.from_iterable(some), *_job_of(claim, rule))
        seqs += _seqs(connection.exec_driver_sql(_sqlite_insert(len(some), rule), values))
    return seqs


def _insert_into_postgresql(
    connection: Connection, claim: Claim, rows: Sequence[AnswerRow], rule: _Rule
) -> Sequence[int]:
    """Insert all rows with one statement; a list for each column is quicker to parse than objects."""
    columns = map(_as_json, zip(*rows, strict=True))
    values = (*_whose(claim), *columns, *_job_of(claim, rule))
    return _seqs(connection.exec_driver_sql(_postgresql_insert(rule), values))


def _hand_over(connection: Connection, job_id: int, fingerprints: Collection[bytes]) -> None:
    """Clear these fingerprints of all other jobs' answers: this job's new ones replace them."""
    if not fingerprints:
        return
    look_up_by_index(connection)
    earlier = (
        select(results.c.job_id, results.c.seq)
        .where(results.c.fingerprint.in_(fingerprints), results.c.job_id != job_id)
        # Skip rows that another job hands over now: two equal answers then share a fingerprint for a while.
        .with_for_update(skip_locked=True)
    )
    connection.execute(
        update(results).where(tuple_(results.c.job_id, results.c.seq).in_(earlier)).values(fingerprint=None)
    )


def _whose(claim: Claim) -> tuple[int, ...]:
    return tuple(getattr(claim, name) for name in _WHOSE)


def _job_of(claim: Claim, rule: _Rule) -> tuple[int, ...]:
    """The parameters of the rule."""
    return (claim.job_id,) if rule is _Rule.OPEN else ()


def _seqs(inserted: CursorResult[Any]) -> Sequence[int]:
    return inserted.scalars().all() if inserted.returns_rows else ()


def _as_json(value: object) -> str:
    return orjson.dumps(value, default=_as_bytea).decode()


def _as_bytea(value: object) -> str:
    """Bytes in PostgreSQL's notation."""
    if not isinstance(value, bytes):
        raise TypeError
    return f"\\x{value.hex()}"


def _marks(columns: Sequence[str]) -> str:
    return ", ".join("?" * len(columns))


@cache
def _sqlite_insert(rows: int, rule: _Rule) -> str:
    at = now().compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    values = ", ".join([f"({_marks(ANSWER_COLUMNS)})"] * rows)
    given = f"given({', '.join(ANSWER_COLUMNS)}) AS (VALUES {values})"
    whose = f"whose({', '.join(_WHOSE)}) AS (VALUES ({_marks(_WHOSE)}))"
    insertion = _insertion("whose.*", "given.*", str(at))
    return f"WITH {whose}, {given} {insertion} FROM whose, given{rule.value.format(job_id='?')}"


@cache
def _postgresql_insert(rule: _Rule) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    at = now().compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    types = {name: results.c[name].type.compile(dialect) for name in (*_WHOSE, *ANSWER_COLUMNS)}
    lists = ", ".join(["json_array_elements_text(CAST(%s AS json))"] * len(ANSWER_COLUMNS))
    source = f"ROWS FROM ({lists}) AS given({', '.join(ANSWER_COLUMNS)})"
    whose = ", ".join(f"CAST(%s AS {types[name]})" for name in _WHOSE)
    given = ", ".join(f"CAST(given.{name} AS {types[name]})" for name in ANSWER_COLUMNS)
    job_id = "(SELECT CAST(%s AS bigint))"
    return f"{_insertion(whose, given, str(at))} FROM {source}{rule.value.format(job_id=job_id)}"


def _insertion(whose: str, given: str, at: str) -> str:
    columns = ", ".join((*_WHOSE, *ANSWER_COLUMNS, "created_at"))
    return f"INSERT INTO results ({columns}) SELECT {whose}, {given}, {at}"
