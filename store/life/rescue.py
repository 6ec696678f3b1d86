"""Rescue chunks whose worker is gone. Halve those that keep killing workers; fail a lone document as poison.

Several rescuers at once are harmless: each locks a chunk's row, and skips rows that another one locks.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select, update

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Claim, RescueReport
from qwenq.schemas.log.events import Event
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks, documents
from qwenq.store.conditions import is_unfinished, lease_ran_out
from qwenq.store.life.claims import drop_chunk, finish_chunk, note_claim, requeue_chunk
from qwenq.store.life.halving import split_chunk
from qwenq.store.life.jobs import hold_job
from qwenq.store.outcomes.outcome_rows import FailureRow, OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes

POISON = "poison"
_POISON_MESSAGE = (
    "The worker's process died or hung {crashes} times in a row while it held this document alone. "
    "It was not tried again; the worker's log says more."
)


def rescue_expired(connection: Connection, max_crashes: int) -> RescueReport:
    """Rescue the chunks whose lease has run out."""
    return _rescue(connection, lease_ran_out(), max_crashes)


def rescue_held_by(connection: Connection, worker_id: int, max_crashes: int) -> RescueReport:
    """Rescue what an earlier working process of this worker held: a worker has only one."""
    held = (chunks.c.state == ChunkState.RUNNING) & (chunks.c.worker_id == worker_id)
    return _rescue(connection, held, max_crashes)


def release_held_by(connection: Connection, worker_id: int) -> int:
    """Give back what a working process held that others stopped: no crash is counted. Returns how many chunks."""
    held = (chunks.c.state == ChunkState.RUNNING) & (chunks.c.worker_id == worker_id)
    claims = _claims(connection, held)
    for claim, _ in claims:
        if hold_job(connection, claim.job_id) == JobState.CANCELLED:
            drop_chunk(connection, claim)
        elif _unfinished_seqs(connection, claim):
            requeue_chunk(connection, claim)
            note_claim(connection, Event.CHUNK_RELEASED, claim)
        else:
            finish_chunk(connection, claim)
    return len(claims)


def _rescue(connection: Connection, stranded: ColumnElement[bool], max_crashes: int) -> RescueReport:
    report = RescueReport()
    for claim, crashes in _claims(connection, stranded):
        if hold_job(connection, claim.job_id) == JobState.CANCELLED:
            drop_chunk(connection, claim)
        else:
            report += _put_back(connection, claim, crashes + 1, max_crashes)
    return report


def _claims(connection: Connection, stranded: ColumnElement[bool]) -> list[tuple[Claim, int]]:
    """The claims of these chunks, locked, each with the crashes of its chunk."""
    rows = connection.execute(
        select(
            chunks.c.id,
            chunks.c.job_id,
            chunks.c.attempt,
            chunks.c.worker_id,
            chunks.c.first_seq,
            chunks.c.last_seq,
            chunks.c.crashes,
        )
        .where(stranded)
        .order_by(chunks.c.job_id, chunks.c.id)
        .with_for_update(skip_locked=True)
    )
    return [(Claim(*row[:-1]), row.crashes) for row in rows.all()]


def _put_back(connection: Connection, claim: Claim, crashes: int, max_crashes: int) -> RescueReport:
    unfinished = _unfinished_seqs(connection, claim)
    if not unfinished:
        finish_chunk(connection, claim)
        return RescueReport()
    connection.execute(
        update(chunks)
        .where(chunks.c.id == claim.chunk_id)
        .values(crashes=crashes, rescues=chunks.c.rescues + 1)
    )
    alone = crashes - CRASHES_IN_COMPANY - 1
    if alone >= max_crashes and len(unfinished) == 1:
        _fail_as_poison(connection, claim, unfinished[0], alone)
        return RescueReport(poisoned=1)
    requeue_chunk(connection, claim)
    note_claim(connection, Event.CHUNK_RESCUED, claim, crashes=crashes)
    if alone < max_crashes:
        return RescueReport(requeued=1)
    _halve(connection, claim, unfinished, max_crashes)
    return RescueReport(halved=1)


def _unfinished_seqs(connection: Connection, claim: Claim) -> Sequence[int]:
    return (
        connection.execute(
            select(documents.c.seq)
            .where(is_unfinished(claim.job_id, claim.first_seq, claim.last_seq))
            .order_by(documents.c.seq)
        )
        .scalars()
        .all()
    )


def _fail_as_poison(connection: Connection, claim: Claim, seq: int, crashes: int) -> None:
    failure = FailureRow(seq, POISON, _POISON_MESSAGE.format(crashes=crashes))
    insert_outcomes(connection, claim, OutcomeRows((), [failure]))
    note_claim(connection, Event.CHUNK_POISONED, claim, crashes=crashes)
    finish_chunk(connection, claim)


def _halve(connection: Connection, claim: Claim, unfinished: Sequence[int], max_crashes: int) -> None:
    """Halve a waiting chunk in the middle of its unfinished documents."""
    cut = len(unfinished) // 2
    upper = split_chunk(connection, claim.chunk_id, unfinished[cut])
    note_claim(connection, Event.CHUNK_HALVED, claim, upper_chunk=upper)
    for chunk_id, half in ((claim.chunk_id, unfinished[:cut]), (upper, unfinished[cut:])):
        suspicion = _suspicion(half, max_crashes)
        connection.execute(update(chunks).where(chunks.c.id == chunk_id).values(crashes=suspicion))


def _suspicion(unfinished: Sequence[int], max_crashes: int) -> int:
    """The crashes that a half starts with: one more halves it again, but a lone document has all its chances.

    Either way it is a suspect, answered with no other chunk beside it.
    """
    return CRASHES_IN_COMPANY + (max_crashes if len(unfinished) > 1 else 1)
