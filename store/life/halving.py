"""Cut a chunk in two. Each half gets the counts of its own documents."""

from sqlalchemy import Connection, case, func, insert, select, update

from qwenq.schemas.results import EmptyCause, FinishReason
from qwenq.schemas.states import ChunkState, StoredDocumentState
from qwenq.schemas.tables.core import chunks, documents, results
from qwenq.store.conditions import why_empty

_REASONINGS = (EmptyCause.REASONING_CUT, EmptyCause.REASONING_ENDED)


def split_chunk(connection: Connection, chunk_id: int, at: int) -> int:
    """Cut a chunk before its document `at`. Returns the id of the upper half; the lower half keeps the chunk's id.

    The upper half gets the chunk's age, so that it is announced at once and in order. If a worker holds the chunk, it
    keeps the lower half, and the upper half waits.
    """
    whole = connection.execute(select(chunks).where(chunks.c.id == chunk_id)).one()
    moved = {
        "documents": whole.last_seq - at + 1,
        **_counts_of(connection, whole.job_id, at, whole.last_seq),
    }
    remaining = {name: chunks.c[name] - count for name, count in moved.items()}
    connection.execute(update(chunks).where(chunks.c.id == chunk_id).values(last_seq=at - 1, **remaining))
    inherited = {
        name: select(chunks.c[name]).where(chunks.c.id == chunk_id).scalar_subquery()
        for name in ("job_id", "crashes", "created_at", "finished_at")
    }
    state = case((chunks.c.state == ChunkState.RUNNING, ChunkState.QUEUED), else_=chunks.c.state)
    inherited["state"] = select(state).where(chunks.c.id == chunk_id).scalar_subquery()
    upper_id: int = connection.execute(
        insert(chunks)
        .values(first_seq=at, last_seq=whole.last_seq, attempt=0, **inherited, **moved)
        .returning(chunks.c.id)
    ).scalar_one()
    return upper_id


def _counts_of(connection: Connection, job_id: int, first_seq: int, last_seq: int) -> dict[str, int]:
    """The counts of a chunk that holds just these documents."""
    states = connection.execute(
        select(documents.c.state, func.count().label("documents"))
        .where(documents.c.job_id == job_id, documents.c.seq.between(first_seq, last_seq))
        .group_by(documents.c.state)
    )
    by_state = {row.state: row.documents for row in states}
    answered = connection.execute(
        select(
            func.sum(results.c.prompt_tokens),
            func.sum(results.c.completion_tokens),
            func.sum(results.c.reasoning_tokens),
            func.sum(results.c.prefix_tokens),
            func.count(results.c.reused_from),
            func.count(),
            func.count().filter(results.c.finish_reason == FinishReason.LENGTH),
            func.count(why_empty()),
            *(func.count().filter(why_empty() == cause) for cause in _REASONINGS),
        ).where(results.c.job_id == job_id, results.c.seq.between(first_seq, last_seq))
    ).one()
    return {
        "succeeded": answered[5],
        "failed": by_state.get(StoredDocumentState.FAILED, 0),
        "cancelled": by_state.get(StoredDocumentState.CANCELLED, 0),
        "prompt_tokens": answered[0] or 0,
        "completion_tokens": answered[1] or 0,
        "reasoning_tokens": answered[2] or 0,
        "prefix_tokens": answered[3] or 0,
        "reused": answered[4],
        "cut": answered[6],
        "empty": answered[7],
        **{cause.value: answered[8 + place] for place, cause in enumerate(_REASONINGS)},
    }
