"""A worker that claims chunks: the one that a message names, or the next that waits."""

from dataclasses import dataclass
from typing import NamedTuple

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment
from qwenq.store.database.store import Store
from qwenq.store.life import claims
from qwenq.store.life.next_job import NextJob, next_job
from qwenq.worker.store_process.client import Lane, StoreWork

ANY_CRASHES = 2**31 - 1


class Terms(NamedTuple):
    """For whom chunks are claimed: a worker with its model, and how long its leases last."""

    model: str
    worker_id: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class Claimant:
    """Claims for one worker and its model; a claim comes with what it has to answer. Any thread may ask.

    Every method raises StoreAway.
    """

    store: StoreWork
    terms: Terms

    def take(self, chunk_id: int) -> Assignment | None:
        """Claim this chunk, or, when there is nothing to claim, the next that waits. None: none waits."""
        return self.store.run(Lane.CLAIMING, _take, self.terms, chunk_id)

    def take_next(self, most_crashes: int = ANY_CRASHES) -> Assignment | None:
        """Claim the waiting chunk whose turn it is, of those with no more crashes than this. None: none waits."""
        return self.store.run(Lane.CLAIMING, _take_next, self.terms, most_crashes)

    def take_beside(self) -> Assignment | None:
        """Claim the waiting chunk whose turn it is, to be answered beside others. None: none waits, or it may not.

        A suspect may not. It is not passed by either: while there is work enough, it would never have its turn.
        """
        return self.store.run(Lane.CLAIMING, _take_beside, self.terms)


def _take(store: Store, terms: Terms, chunk_id: int) -> Assignment | None:
    with store.fleeting() as connection:
        claim = claims.claim_chunk(connection, chunk_id, *terms)
        if claim is not None:
            return claims.assignment_of(connection, claim)
    return _take_next(store, terms, ANY_CRASHES)


def _take_next(store: Store, terms: Terms, most_crashes: int) -> Assignment | None:
    job = _next_job(store, terms, most_crashes)
    return None if job is None else _take_of(store, job, terms, most_crashes)


def _take_beside(store: Store, terms: Terms) -> Assignment | None:
    job = _next_job(store, terms, ANY_CRASHES)
    return None if job is None or job.begins_with_suspect else _take_of(store, job, terms, CRASHES_IN_COMPANY)


def _next_job(store: Store, terms: Terms, most_crashes: int) -> NextJob | None:
    """Look without a lock: SQLite's one writer is not kept from anything while nothing waits."""
    with store.reading() as connection:
        return next_job(connection, terms.model, most_crashes)


def _take_of(store: Store, job: NextJob, terms: Terms, most_crashes: int) -> Assignment | None:
    with store.fleeting() as connection:
        claim = claims.claim_next(connection, job.job_id, most_crashes, terms.worker_id, terms.lease_seconds)
        return None if claim is None else claims.assignment_of(connection, claim)
