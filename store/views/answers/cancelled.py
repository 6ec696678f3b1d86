"""A job's cancelled documents."""

from collections.abc import Iterator

from sqlalchemy import Connection, bindparam, select

from qwenq.schemas.states import StoredDocumentState
from qwenq.schemas.tables.core import documents

PAGE_ROWS = 2_000

_NEXT = (
    select(documents.c.seq, documents.c.custom_id)
    .where(
        documents.c.job_id == bindparam("of_job"),
        documents.c.state == StoredDocumentState.CANCELLED,
        documents.c.seq > bindparam("after"),
    )
    .order_by(documents.c.seq)
    .limit(PAGE_ROWS)
)


def cancelled_after(connection: Connection, job_id: int, after: int) -> list[tuple[int, str]]:
    """The places and ids of the next cancelled documents after the document `after`, at most PAGE_ROWS."""
    rows = connection.execute(_NEXT, {"of_job": job_id, "after": after})
    return [(row.seq, row.custom_id) for row in rows]


def cancelled_of(connection: Connection, job_id: int) -> Iterator[str]:
    """The ids of a job's cancelled documents in input order, with a page of rows in memory at a time."""
    after = -1
    while rows := connection.execute(_NEXT, {"of_job": job_id, "after": after}).all():
        yield from (row.custom_id for row in rows)
        after = rows[-1].seq
