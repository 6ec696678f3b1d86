"""Share a running chunk: its holder keeps the first documents, and another worker can claim the rest."""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import Connection, select, update

from qwenq.schemas.chunks import Claim, Cut
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks
from qwenq.store.conditions import unfinished_of_chunk
from qwenq.store.life.claims import note_claim
from qwenq.store.life.halving import split_chunk
from qwenq.store.life.jobs import hold_job

_FIRST = 1
"""The attempt of a new chunk's first claim."""


def share_rest(connection: Connection, claim: Claim, cut: Cut) -> tuple[Claim, ...]:
    """Cut the claim's chunk. Returns the smaller claim, and a claim of each range that its holder keeps of the rest.

    Whatever else is in the rest waits, in chunks of its own. The caller holds the fence, and writes no more outcomes
    from the cut on under the smaller claim. The chunk of a cancelled job stays whole, to be dropped. Once cut there, it
    is not cut again: the answer to an earlier attempt may have been lost.
    """
    if hold_job(connection, claim.job_id) == JobState.CANCELLED:
        return (claim,)
    last = connection.execute(select(chunks.c.last_seq).where(chunks.c.id == claim.chunk_id)).scalar_one()
    if last >= cut.first:
        for kept_first, kept_last in reversed(cut.kept):
            _set_free(connection, claim, kept_last + 1, last)
            _keep(connection, claim, split_chunk(connection, claim.chunk_id, kept_first))
            last = kept_first - 1
        _set_free(connection, claim, cut.first, last)
    smaller = replace(claim, last_seq=cut.first - 1)
    return (smaller, *(one for kept in cut.kept for one in _claim_of(connection, claim, *kept)))


def _set_free(connection: Connection, claim: Claim, first: int, last: int) -> None:
    """Cut off the documents from `first` to the chunk's last one, if there are any: they wait."""
    if first <= last:
        rest = split_chunk(connection, claim.chunk_id, first)
        note_claim(connection, Event.CHUNK_SHARED, claim, rest_chunk=rest)


def _keep(connection: Connection, claim: Claim, chunk_id: int) -> None:
    """Have the holder hold this chunk too, as its first claim, with the lease of the other."""
    held = chunks.alias()
    lease = select(held.c.lease_expires_at).where(held.c.id == claim.chunk_id).scalar_subquery()
    connection.execute(
        update(chunks)
        .where(chunks.c.id == chunk_id)
        .values(state=ChunkState.RUNNING, attempt=_FIRST, worker_id=claim.worker_id, lease_expires_at=lease)
    )
    note_claim(connection, Event.CHUNK_CLAIMED, replace(claim, chunk_id=chunk_id, attempt=_FIRST))


def _claim_of(connection: Connection, claim: Claim, first: int, last: int) -> Iterator[Claim]:
    """The claim of a kept range; none if it was lost since."""
    row = connection.execute(
        select(chunks.c.id, chunks.c.crashes).where(
            chunks.c.job_id == claim.job_id,
            chunks.c.first_seq == first,
            chunks.c.last_seq == last,
            chunks.c.state == ChunkState.RUNNING,
            chunks.c.attempt == _FIRST,
            chunks.c.worker_id == claim.worker_id,
        )
    ).one_or_none()
    if row is not None:
        yield Claim(row.id, claim.job_id, _FIRST, claim.worker_id, first, last, row.crashes)


def count_unfinished(connection: Connection, claim: Claim) -> int:
    """Count the documents of the claim's chunk without an outcome."""
    counted: int = connection.execute(
        select(unfinished_of_chunk()).where(chunks.c.id == claim.chunk_id)
    ).scalar_one()
    return counted
