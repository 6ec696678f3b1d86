"""Pages of a job's chunks: a job may have ten thousand."""

from sqlalchemy import Connection, select

from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks, workers
from qwenq.schemas.views.job_pages import ChunkLine, ChunkPage
from qwenq.store.database.clock import seconds_since


def chunk_page(
    connection: Connection, job_id: int, after: int, most: int, state: ChunkState | None = None
) -> ChunkPage:
    """At most `most` chunks that begin after the document `after` (-1: from the start), in one state or all."""
    query = (
        select(
            chunks,
            workers.c.name.label("worker"),
            seconds_since(chunks.c.lease_expires_at).label("overdue_seconds"),
        )
        .select_from(chunks.outerjoin(workers, workers.c.id == chunks.c.worker_id))
        .where(chunks.c.job_id == job_id, chunks.c.first_seq > after)
        .order_by(chunks.c.first_seq)
        .limit(most + 1)
    )
    if state is not None:
        query = query.where(chunks.c.state == state)
    rows = connection.execute(query).all()
    shown = rows[:most]
    lines = tuple(
        ChunkLine(
            id=row.id,
            first_seq=row.first_seq,
            last_seq=row.last_seq,
            state=ChunkState(row.state),
            attempt=row.attempt,
            crashes=row.crashes,
            worker=row.worker,
            lease_seconds=None if row.overdue_seconds is None else -row.overdue_seconds,
            documents=row.documents,
            succeeded=row.succeeded,
            failed=row.failed,
            cancelled=row.cancelled,
            finished_at=row.finished_at,
        )
        for row in shown
    )
    return ChunkPage(lines, shown[-1].first_seq if len(rows) > most else None)
