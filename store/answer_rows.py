"""Answers on their way into the store, many at once, each by the quickest way of its database."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    Connection,
    Subquery,
    TextClause,
    exists,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from schemas.chunks import Claim
from schemas.requests import Completion
from schemas.states import UNFINISHED_DOCUMENT_STATES, DocumentState
from schemas.tables import documents, results
from store.clock import now
from store.earlier import hand_over

_COLUMNS = (
    "seq", "text", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "prefix_tokens", "fingerprint", "reused_from", "seconds", "parts",
)  # fmt: skip
_WHOSE = ("job_id", "chunk_id", "attempt", "worker_id")


def insert_answers(
    connection: Connection, claim: Claim, answers: Mapping[int, Completion]
) -> Sequence[Completion]:
    """Write the answers, by seq, of documents that have no outcome yet. Returns those. The caller holds the fence."""
    if not answers:
        return ()
    if _settle(connection, claim, answers) < len(answers):
        answers = {seq: answers[seq] for seq in _settled_just_now(connection, claim, answers)}
    if answers:
        _insert_results(connection, claim, answers)
        copies = (one.fingerprint for one in answers.values() if one.reused_from is not None)
        hand_over(connection, claim.job_id, [one for one in copies if one is not None])
    return tuple(answers.values())


def storable(said: str) -> str:
    """PostgreSQL keeps no NUL and no lone surrogate; a model may emit either."""
    return said.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _settle(connection: Connection, claim: Claim, answers: Mapping[int, Completion]) -> int:
    """Note that documents are answered. Returns how many had no outcome before."""
    return connection.execute(
        update(documents)
        .where(
            documents.c.job_id == claim.job_id,
            _is_given(connection.dialect.name),
            documents.c.state.in_(UNFINISHED_DOCUMENT_STATES),
        )
        .values(state=DocumentState.SUCCEEDED),
        {"seqs": _as_json(list(answers))},
    ).rowcount


def _settled_just_now(
    connection: Connection, claim: Claim, answers: Mapping[int, Completion]
) -> Sequence[int]:
    """Of these, the answered documents whose answer is not there yet."""
    answer = exists().where(results.c.job_id == documents.c.job_id, results.c.seq == documents.c.seq)
    found = select(documents.c.seq).where(
        documents.c.job_id == claim.job_id,
        _is_given(connection.dialect.name),
        documents.c.state == DocumentState.SUCCEEDED,
        ~answer,
    )
    return connection.execute(found, {"seqs": _as_json(list(answers))}).scalars().all()


def _insert_results(connection: Connection, claim: Claim, answers: Mapping[int, Completion]) -> None:
    whose = tuple(getattr(claim, name) for name in _WHOSE)
    rows = map(_row_of, answers.values())
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_sqlite_insert(), [whose + row for row in rows])
        return
    given = select(*map(literal, whose), _given_rows(), now())
    objects = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    connection.execute(
        insert(results).from_select([*_WHOSE, *_COLUMNS, "created_at"], given), {"rows": _as_json(objects)}
    )


def _row_of(answer: Completion) -> tuple[Any, ...]:
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


def _as_json(value: object) -> str:
    return orjson.dumps(value, default=_as_bytea).decode()


def _as_bytea(value: object) -> str:
    """Bytes as PostgreSQL reads them."""
    if not isinstance(value, bytes):
        raise TypeError
    return f"\\x{value.hex()}"


@cache
def _is_given(dialect: str) -> TextClause:
    """Whether a document's seq is in the parameter `seqs`, a JSON array."""
    # As an array, PostgreSQL looks each one up in the index; from a subquery, it would read the whole table.
    given = {
        "postgresql": "= ANY (ARRAY(SELECT CAST(json_array_elements_text(CAST(:seqs AS json)) AS integer)))",
        "sqlite": "IN (SELECT value FROM json_each(:seqs))",
    }
    return text(f"documents.seq {given[dialect]}")


@cache
def _sqlite_insert() -> str:
    """One row at a time, by the driver's own means: SQLAlchemy would turn each into a dict and back."""
    at = now().compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    columns = (*_WHOSE, *_COLUMNS)
    return f"INSERT INTO results ({', '.join(columns)}, created_at) VALUES ({'?, ' * len(columns)}{at})"  # noqa: S608


@cache
def _given_rows() -> Subquery:
    """The objects of the parameter `rows`, a JSON array, as a table: one statement, one way there and back."""
    columns = [results.c[name] for name in _COLUMNS]
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    types = ", ".join(f"{column.name} {column.type.compile(dialect)}" for column in columns)
    query = f"SELECT * FROM json_to_recordset(CAST(:rows AS json)) AS given({types})"  # noqa: S608
    return text(query).columns(*(Column(column.name, column.type) for column in columns)).subquery("given")
