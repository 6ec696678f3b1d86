"""A worker that claims chunks: the one that a message names, or the next that waits."""

from dataclasses import dataclass

from schemas.chunks import CRASHES_IN_COMPANY, Assignment
from store import claims
from store.database import Store
from store.waiting import NextJob, next_job

ANY_CRASHES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Claimant:
    """Claims for one worker and its model; a claim comes with what it has to answer. Any thread may ask.

    Every method raises StoreAway.
    """

    store: Store
    model: str
    worker_id: int
    lease_seconds: float

    def take(self, chunk_id: int) -> Assignment | None:
        """Claim this chunk, or, when there is nothing to claim, the next that waits. None: none waits."""
        with self.store.fleeting() as connection:
            claim = claims.claim_chunk(connection, chunk_id, self.model, self.worker_id, self.lease_seconds)
            if claim is not None:
                return claims.assignment_of(connection, claim)
        return self.take_next()

    def take_next(self, most_crashes: int = ANY_CRASHES) -> Assignment | None:
        """Claim the waiting chunk whose turn it is, of those with no more crashes than this. None: none waits."""
        job = self._next_job(most_crashes)
        return None if job is None else self._take_of(job, most_crashes)

    def take_beside(self) -> Assignment | None:
        """Claim the waiting chunk whose turn it is, to be answered beside others. None: none waits, or it may not.

        A suspect may not. It is not passed by either: while there is work enough, it would never have its turn.
        """
        job = self._next_job(ANY_CRASHES)
        return None if job is None or job.begins_with_suspect else self._take_of(job, CRASHES_IN_COMPANY)

    def _next_job(self, most_crashes: int) -> NextJob | None:
        """Look without a lock: SQLite's one writer is not kept from anything while nothing waits."""
        with self.store.reading() as connection:
            return next_job(connection, self.model, most_crashes)

    def _take_of(self, job: NextJob, most_crashes: int) -> Assignment | None:
        with self.store.fleeting() as connection:
            claim = claims.claim_next(
                connection, job.job_id, most_crashes, self.worker_id, self.lease_seconds
            )
            return None if claim is None else claims.assignment_of(connection, claim)
