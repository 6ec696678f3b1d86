"""Documents: inserted in bulk by a producer."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import (
    Connection,
    exc,
    select,
)

from qwenq.schemas.documents import BadRow, Document, Row, repeated_id
from qwenq.schemas.errors import RowsLost
from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import documents
from qwenq.store.database.copying import copy_rows

RAW_DUPLICATE_CHARS = 2_000
_COLUMNS = [column.name for column in documents.columns]
_COPY_TYPES = ("int8", "int4", "text", "int2", "int4", "text", "text", "text", "text", "text")
_INSERT = f"INSERT INTO documents ({', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608

# Columns of `documents`, in their order.
StoredRow = tuple[int, int, str | None, int, int, str, str, str | None, str | None, str | None]


def insert_rows(
    connection: Connection, job_id: int, first_seq: int, rows: Iterable[Row], sources: Sequence[str]
) -> list[int]:
    """Insert rows in input order, from `first_seq` on. Returns the seqs of the bad ones.

    A row whose id was used before in its job becomes a bad row. The unique index finds it, so memory stays flat
    and a batch without duplicates costs nothing extra.
    """
    stored: list[StoredRow] = []
    incoming = _stored_rows(job_id, first_seq, rows, stored)
    try:
        with connection.begin_nested():
            _bulk_insert(connection, incoming)
    except exc.IntegrityError:
        deque(incoming, maxlen=0)
        stored = _without_duplicates(connection, job_id, stored, sources)
        _bulk_insert(connection, stored)
    return [row[1] for row in stored if row[7] is not None]


def check_rows_kept(connection: Connection, job_id: int, rows: int) -> None:
    """Raise RowsLost unless the last of a job's first `rows` rows is still there.

    A crash of PostgreSQL loses what was staged last, and a new connection shows no sign of it. If the last row is
    there, all earlier ones are.
    """
    last = select(documents.c.seq).where(documents.c.job_id == job_id, documents.c.seq == rows - 1)
    if rows and connection.execute(last).first() is None:
        raise RowsLost


def _stored_rows(
    job_id: int, first_seq: int, rows: Iterable[Row], stored: list[StoredRow]
) -> Iterator[StoredRow]:
    """Yield each row as it is stored, and append it to `stored`, in case it must be inserted again."""
    pending = StoredDocumentState.PENDING
    for seq, row in enumerate(rows, first_seq):
        if isinstance(row, Document):
            custom_id, source, line, content = row
            kept: StoredRow = (job_id, seq, custom_id, source, line, pending, content, None, None, None)
        else:
            kept = _rejected(job_id, seq, row)
        stored.append(kept)
        yield kept


def _rejected(job_id: int, seq: int, row: BadRow) -> StoredRow:
    failed = StoredDocumentState.FAILED
    return job_id, seq, None, row.source, row.line, failed, row.raw, row.code, row.reason, row.custom_id


def _bulk_insert(connection: Connection, rows: Iterable[StoredRow]) -> None:
    """Insert with the driver itself: SQLAlchemy would turn each row into a dict and back."""
    if connection.dialect.name == "sqlite":
        if values := list(rows):
            connection.exec_driver_sql(_INSERT, values)
        return
    copy_rows(connection, documents, _COLUMNS, _COPY_TYPES, rows)


def _without_duplicates(
    connection: Connection, job_id: int, stored: Sequence[StoredRow], sources: Sequence[str]
) -> list[StoredRow]:
    """The same rows, those with an id that was used before as bad rows."""
    ids = [row[2] for row in stored if row[2] is not None]
    first_use: dict[str, tuple[int, int]] = {
        custom_id: (source, line)
        for custom_id, source, line in connection.execute(
            select(documents.c.custom_id, documents.c.source, documents.c.line).where(
                documents.c.job_id == job_id, documents.c.custom_id.in_(ids)
            )
        )
    }
    kept = []
    for row in stored:
        _, seq, custom_id, source, line, _, content, _, _, _ = row
        if custom_id in first_use:
            reason = repeated_id(custom_id, line, first_use[custom_id], sources)
            raw = content[:RAW_DUPLICATE_CHARS]
            kept.append(_rejected(job_id, seq, BadRow(source, line, raw, reason, custom_id=custom_id)))
            continue
        if custom_id is not None:
            first_use[custom_id] = (source, line)
        kept.append(row)
    return kept
