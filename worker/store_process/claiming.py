"""Claims of chunks, made in the store process: the chunk that a message names, or the next waiting one."""

from typing import NamedTuple

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment
from qwenq.store.database.store import Store
from qwenq.store.life import claims
from qwenq.store.views.work.assignments import assignment_of
from qwenq.store.views.work.next_job import NextJob, next_job

ANY_CRASHES = 2**31 - 1


class Terms(NamedTuple):
    """Who claims: a worker with its model, and how long its leases last."""

    model: str
    worker_id: int
    lease_seconds: float


def claim_named(store: Store, terms: Terms, chunk_id: int) -> Assignment | None:
    """Claim this chunk or, if it does not wait, the next one. None: no chunk waits."""
    with store.fleeting() as connection:
        claim = claims.claim_chunk(connection, chunk_id, *terms)
        if claim is not None:
            return assignment_of(connection, claim)
    return claim_next(store, terms, ANY_CRASHES)


def claim_next(store: Store, terms: Terms, most_crashes: int) -> Assignment | None:
    """Claim the next waiting chunk with no more crashes than this. None: no such chunk waits."""
    job = _next_job(store, terms, most_crashes)
    return None if job is None else _claim_of(store, job, terms, most_crashes)


def claim_beside(store: Store, terms: Terms) -> Assignment | None:
    """Claim the next waiting chunk, to be answered beside others. None: no chunk waits, or a suspect is next.

    A suspect is not passed by: while there is other work, it would never have its turn.
    """
    job = _next_job(store, terms, ANY_CRASHES)
    return (
        None if job is None or job.begins_with_suspect else _claim_of(store, job, terms, CRASHES_IN_COMPANY)
    )


def _next_job(store: Store, terms: Terms, most_crashes: int) -> NextJob | None:
    """Look without a lock: while nothing waits, SQLite's one writer is not held up."""
    with store.reading() as connection:
        return next_job(connection, terms.model, most_crashes)


def _claim_of(store: Store, job: NextJob, terms: Terms, most_crashes: int) -> Assignment | None:
    with store.fleeting() as connection:
        claim = claims.claim_next(connection, job.job_id, most_crashes, terms.worker_id, terms.lease_seconds)
        return None if claim is None else assignment_of(connection, claim)
