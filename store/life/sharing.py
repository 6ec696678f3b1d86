"""Share a running chunk: its holder keeps the first documents, and another worker can claim the rest."""

from dataclasses import replace

from sqlalchemy import Connection, select

from qwenq.schemas.chunks import Claim
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import chunks
from qwenq.store.conditions import unfinished_of_chunk
from qwenq.store.life.claims import note_claim
from qwenq.store.life.halving import split_chunk
from qwenq.store.life.jobs import hold_job


def share_rest(connection: Connection, claim: Claim, cut: int) -> Claim:
    """Cut the claim's chunk before its document `cut`: the rest waits in a chunk of its own. Returns the smaller claim.

    The caller holds the fence, and writes no more outcomes from `cut` on. The chunk of a cancelled job stays whole, to
    be dropped. Once cut there, it is not cut again: the answer to an earlier attempt may have been lost.
    """
    if hold_job(connection, claim.job_id) == JobState.CANCELLED:
        return claim
    last_seq = connection.execute(select(chunks.c.last_seq).where(chunks.c.id == claim.chunk_id)).scalar_one()
    if last_seq >= cut:
        rest = split_chunk(connection, claim.chunk_id, cut)
        note_claim(connection, Event.CHUNK_SHARED, claim, rest_chunk=rest)
    return replace(claim, last_seq=cut - 1)


def count_unfinished(connection: Connection, claim: Claim) -> int:
    """Count the documents of the claim's chunk without an outcome."""
    counted: int = connection.execute(
        select(unfinished_of_chunk()).where(chunks.c.id == claim.chunk_id)
    ).scalar_one()
    return counted
