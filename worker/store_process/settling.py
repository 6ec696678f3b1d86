"""Writing a claim: its outcomes, its lease and perhaps its end, in one transaction that holds its fence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sqlalchemy import Connection

from qwenq.schemas.chunks import Claim, Cut, Standing
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.claims import drop_chunk, finish_chunk, hold_fence, release_chunk
from qwenq.store.life.sharing import count_unfinished, share_rest
from qwenq.store.outcomes.batches import insert_batches, insert_late_batches
from qwenq.store.outcomes.outcome_rows import OutcomeRows
from qwenq.store.outcomes.outcomes import insert_outcomes
from qwenq.store.outcomes.parts import insert_parts

Metrics = Mapping[Claim, Sequence[BatchMetrics]]


class Ending(StrEnum):
    """What became of a claim: it is kept, or it ended in one of four ways."""

    KEPT = "kept"
    FINISHED = "finished"
    DROPPED = "dropped"
    RELEASED = "given back"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Unwritten:
    """A claim's unwritten outcomes and answers to parts, and measured batches, of other claims too.

    By `cut`, its chunk is to be shared with an idle worker. None: it stays whole.
    """

    outcomes: OutcomeRows
    parts: Mapping[Part, PartAnswer] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=dict)
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a claim, and how job and worker stand. `claim` is smaller once its chunk was cut.

    `rest` are new claims: what its holder keeps beyond the cut.
    """

    ending: Ending
    standing: Standing
    claim: Claim
    rest: tuple[Claim, ...] = ()


def keep_claim(
    store: Store, claim: Claim, unwritten: Unwritten, model: str, lease_seconds: float, otherwise: Ending
) -> Kept:
    """Write what is unwritten of a claim, renew its lease, and end it if it is due. Raises LeaseLost, StoreAway."""
    with store.writing() as connection:
        return write_claim(connection, claim, unwritten, model, lease_seconds, otherwise)


def write_claim(
    connection: Connection,
    claim: Claim,
    unwritten: Unwritten,
    model: str,
    lease_seconds: float,
    otherwise: Ending,
) -> Kept:
    """Do the same in the caller's transaction. Raises LeaseLost."""
    standing = hold_fence(connection, claim, lease_seconds)
    settled = insert_outcomes(connection, claim, unwritten.outcomes)
    standing = replace(standing, unfinished=standing.unfinished - settled)
    insert_parts(connection, claim, unwritten.parts)
    for measured, some in unwritten.metrics.items():
        insert = insert_batches if measured == claim else insert_late_batches
        insert(connection, measured, model, some)
    rest: tuple[Claim, ...] = ()
    if unwritten.cut is not None:
        claim, *kept = share_rest(connection, claim, unwritten.cut)
        rest = tuple(kept)
        standing = replace(standing, unfinished=count_unfinished(connection, claim))
    return Kept(_settle(connection, claim, standing, otherwise), standing, claim, rest)


def write_metrics(store: Store, model: str, metrics: Metrics) -> None:
    """Write the batches of claims that are closed. Raises StoreAway."""
    with store.writing() as connection:
        for claim, some in metrics.items():
            insert_late_batches(connection, claim, model, some)


def _settle(connection: Connection, claim: Claim, standing: Standing, otherwise: Ending) -> Ending:
    """Finish a claim whose documents all have outcomes, drop one of a cancelled job, `otherwise` keep or release it."""
    if not standing.unfinished:
        finish_chunk(connection, claim)
        return Ending.FINISHED
    if standing.job == JobState.CANCELLED:
        drop_chunk(connection, claim)
        return Ending.DROPPED
    if otherwise == Ending.RELEASED:
        release_chunk(connection, claim)
    return otherwise
