"""What must hold in a store whatever has happened; read straight from the tables."""

from sqlalchemy import Connection, func, select

from schemas.states import ChunkState, DocumentState
from schemas.tables import chunks, documents, results


def audit(connection: Connection, job_id: int) -> None:
    """Counters equal a recount; results are exactly those of succeeded documents; chunks cover each row once."""
    states = [
        (seq, state)
        for seq, state in connection.execute(
            select(documents.c.seq, documents.c.state)
            .where(documents.c.job_id == job_id)
            .order_by(documents.c.seq)
        )
    ]
    answered = set(connection.execute(select(results.c.seq).where(results.c.job_id == job_id)).scalars())
    assert answered == {seq for seq, state in states if state == DocumentState.SUCCEEDED}
    covered: list[int] = []
    for chunk in connection.execute(
        select(chunks).where(chunks.c.job_id == job_id).order_by(chunks.c.first_seq)
    ):
        own = [state for seq, state in states if chunk.first_seq <= seq <= chunk.last_seq]
        covered += range(chunk.first_seq, chunk.last_seq + 1)
        for state in (DocumentState.SUCCEEDED, DocumentState.FAILED, DocumentState.CANCELLED):
            assert getattr(chunk, state) == own.count(state), f"chunk {chunk.id} miscounts {state}"
        if chunk.state == ChunkState.DONE:
            assert not {"pending", "running"} & set(own), f"chunk {chunk.id} is done, its documents are not"
        tokens = connection.execute(
            select(func.coalesce(func.sum(results.c.completion_tokens), 0)).where(
                results.c.job_id == job_id, results.c.seq.between(chunk.first_seq, chunk.last_seq)
            )
        ).scalar_one()
        assert chunk.completion_tokens == tokens
    assert covered == [seq for seq, _ in states]
