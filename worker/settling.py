"""How a claim ends in the store, in the transaction that holds its fence."""

from enum import StrEnum

from sqlalchemy import Connection

from schemas.chunks import Claim, Standing
from schemas.states import JobState
from store.claims import drop_chunk, finish_chunk, release_chunk


class Ending(StrEnum):
    """What became of a claim: kept, or ended in one of four ways."""

    KEPT = "kept"
    FINISHED = "finished"
    DROPPED = "dropped"
    RELEASED = "given back"
    LOST = "lost"


def settle(
    connection: Connection, claim: Claim, standing: Standing, otherwise: Ending
) -> tuple[Ending, JobState | None]:
    """End a claim whose documents all have their outcome, or whose job is cancelled; `otherwise` keep or release it.

    Returns how it ended, and the state in which its job ended, if this was its last chunk.
    """
    if not standing.unfinished:
        return Ending.FINISHED, finish_chunk(connection, claim)
    if standing.job == JobState.CANCELLED:
        drop_chunk(connection, claim)
        return Ending.DROPPED, None
    if otherwise == Ending.RELEASED:
        release_chunk(connection, claim)
    return otherwise, None
