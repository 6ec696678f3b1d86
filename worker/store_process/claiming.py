"""Claims of chunks, made in the store process: the chunk that a message names, or the next waiting one."""

from typing import NamedTuple

from sqlalchemy import Connection

from qwenq.schemas.chunks import CRASHES_IN_COMPANY, Assignment, Claim
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights
from qwenq.store.database.store import Store
from qwenq.store.life import claims
from qwenq.store.life.weights import hold_job_for_weights
from qwenq.store.views.work.assignments import assignment_of
from qwenq.store.views.work.next_job import NextJob, next_job

ANY_CRASHES = 2**31 - 1


class Terms(NamedTuple):
    """Who claims: a worker, its model and weights, and how long its leases last."""

    model: str
    worker_id: int
    lease_seconds: float
    weights: LoadedWeights = UNKNOWN_WEIGHTS


class _OtherWeightsError(Exception):
    """A job's answers so far are of other weights. Undoes the claim."""

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id


def claim_named(store: Store, terms: Terms, chunk_id: int) -> Assignment | None:
    """Claim this chunk or, if it does not wait, the next one. None: no chunk waits."""
    try:
        with store.fleeting() as connection:
            claim = claims.claim_chunk(
                connection, chunk_id, terms.model, terms.worker_id, terms.lease_seconds, terms.weights
            )
            if claim is not None:
                return _assignment(connection, claim, terms)
    except _OtherWeightsError as other:
        _hold(store, other.job_id, terms)
    return claim_next(store, terms, ANY_CRASHES)


def claim_next(store: Store, terms: Terms, most_crashes: int) -> Assignment | None:
    """Claim the next waiting chunk with no more crashes than this. None: no such chunk waits.

    A job that other weights began is passed by while a live worker has those; without one it is paused.
    """
    while (job := _next_job(store, terms, most_crashes)) is not None:
        try:
            return _claim_of(store, job, terms, most_crashes)
        except _OtherWeightsError as other:
            _hold(store, other.job_id, terms)
    return None


def claim_beside(store: Store, terms: Terms) -> Assignment | None:
    """Claim the next waiting chunk, to be answered beside others. None: no chunk waits, or a suspect is next.

    A suspect is not passed by: while there is other work, it would never have its turn.
    """
    job = _next_job(store, terms, ANY_CRASHES)
    if job is None or job.begins_with_suspect:
        return None
    try:
        return _claim_of(store, job, terms, CRASHES_IN_COMPANY)
    except _OtherWeightsError as other:
        _hold(store, other.job_id, terms)
        return None


def claim_urgent(store: Store, terms: Terms) -> Assignment | None:
    """Claim the next waiting chunk of an urgent job, unless it is a suspect. None: no such chunk waits."""
    job = _next_job(store, terms, CRASHES_IN_COMPANY, urgent_only=True)
    if job is None:
        return None
    try:
        return _claim_of(store, job, terms, CRASHES_IN_COMPANY)
    except _OtherWeightsError as other:
        _hold(store, other.job_id, terms)
        return None


def _next_job(store: Store, terms: Terms, most_crashes: int, *, urgent_only: bool = False) -> NextJob | None:
    """Look without a lock: while nothing waits, SQLite's one writer is not held up."""
    with store.reading() as connection:
        return next_job(connection, terms.model, most_crashes, terms.weights, urgent_only=urgent_only)


def _claim_of(store: Store, job: NextJob, terms: Terms, most_crashes: int) -> Assignment | None:
    with store.fleeting() as connection:
        claim = claims.claim_next(
            connection, job.job_id, most_crashes, terms.worker_id, terms.lease_seconds, terms.weights
        )
        return None if claim is None else _assignment(connection, claim, terms)


def _assignment(connection: Connection, claim: Claim, terms: Terms) -> Assignment:
    """What a claim has to answer. Raises _OtherWeightsError."""
    assignment = assignment_of(connection, claim)
    if terms.weights.differ_from(assignment.weights):
        raise _OtherWeightsError(claim.job_id)
    return assignment


def _hold(store: Store, job_id: int, terms: Terms) -> None:
    with store.writing() as connection:
        hold_job_for_weights(connection, job_id, terms.worker_id)
