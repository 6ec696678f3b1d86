"""Documents: stored in bulk by a producer, read by the worker that holds their chunk."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, exc, select

from schemas.chunks import Claim, PendingDocument
from schemas.documents import Document, Row
from schemas.states import UNFINISHED_DOCUMENT_STATES, DocumentState
from schemas.tables import documents

INVALID_ROW = "invalid_row"
RAW_DUPLICATE_CHARS = 2_000
_COLUMNS = ", ".join(column.name for column in documents.columns)
_COPY = f"COPY documents ({_COLUMNS}) FROM STDIN"
_INSERT = f"INSERT INTO documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608

# Columns of `documents`, in their order.
StoredRow = tuple[int, int, str | None, int, int, str, str, str | None, str | None]


def insert_rows(
    connection: Connection, job_id: int, first_seq: int, rows: Sequence[Row], sources: Sequence[str]
) -> list[int]:
    """Store rows in input order, from `first_seq` on. Returns the seqs of the bad ones.

    A row whose id was used before in its job is stored as a bad one. The unique index finds such rows, so that
    memory stays flat and a batch without them costs nothing extra.
    """
    stored = [_stored(job_id, seq, row) for seq, row in enumerate(rows, first_seq)]
    try:
        with connection.begin_nested():
            _bulk_insert(connection, stored)
    except exc.IntegrityError:
        stored = list(_without_duplicates(connection, job_id, stored, sources))
        _bulk_insert(connection, stored)
    return [row[1] for row in stored if row[7] is not None]


def unfinished_documents(connection: Connection, claim: Claim) -> tuple[PendingDocument, ...]:
    """The documents of a claim that have no outcome yet, in input order."""
    rows = connection.execute(
        select(documents.c.seq, documents.c.content)
        .where(
            documents.c.job_id == claim.job_id,
            documents.c.seq.between(claim.first_seq, claim.last_seq),
            documents.c.state.in_(UNFINISHED_DOCUMENT_STATES),
        )
        .order_by(documents.c.seq)
    )
    return tuple(PendingDocument(seq, content) for seq, content in rows)


def _stored(job_id: int, seq: int, row: Row) -> StoredRow:
    if isinstance(row, Document):
        custom_id, source, line, content = row
        return job_id, seq, custom_id, source, line, DocumentState.PENDING, content, None, None
    return _rejected(job_id, seq, row.source, row.line, row.raw, row.reason)


def _rejected(job_id: int, seq: int, source: int, line: int, raw: str, reason: str) -> StoredRow:
    return job_id, seq, None, source, line, DocumentState.FAILED, raw, INVALID_ROW, reason


def _bulk_insert(connection: Connection, stored: Sequence[StoredRow]) -> None:
    if connection.dialect.name == "sqlite":
        # The driver's own executemany: SQLAlchemy's would turn each row into a dict and back.
        connection.exec_driver_sql(_INSERT, list(stored))
        return
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in stored:
                copy.write_row(row)
    except driver_integrity_error() as error:
        raise exc.IntegrityError(_COPY, None, error) from error


def driver_integrity_error() -> type[Exception]:
    """Psycopg's own exception: a COPY does not pass through SQLAlchemy, which would translate it."""
    import psycopg

    return psycopg.IntegrityError


def _without_duplicates(
    connection: Connection, job_id: int, stored: Iterable[StoredRow], sources: Sequence[str]
) -> Iterable[StoredRow]:
    """The same rows, those with an id that was used before turned into bad ones."""
    stored = list(stored)
    ids = [row[2] for row in stored if row[2] is not None]
    first_use: dict[str, tuple[int, int]] = {
        custom_id: (source, line)
        for custom_id, source, line in connection.execute(
            select(documents.c.custom_id, documents.c.source, documents.c.line).where(
                documents.c.job_id == job_id, documents.c.custom_id.in_(ids)
            )
        )
    }
    for row in stored:
        _, seq, custom_id, source, line, _, content, _, _ = row
        if custom_id is None:
            yield row
        elif custom_id in first_use:
            where = _place(first_use[custom_id], sources)
            reason = f"the id {custom_id!r} was used before, on {where}; ids must be unique in a job"
            yield _rejected(job_id, seq, source, line, content[:RAW_DUPLICATE_CHARS], reason)
        else:
            first_use[custom_id] = (source, line)
            yield row


def _place(use: tuple[int, int], sources: Sequence[str]) -> str:
    source, line = use
    return f"line {line}" if len(sources) == 1 else f"line {line} of {sources[source]}"
