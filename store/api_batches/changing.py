"""Changes of batches beyond OpenAI's: failed lines run again, and a batch is paused and resumed.

Each locks the batch before its job, as everybody does. None as a result: there is no such batch for the caller.
"""

from sqlalchemy import Connection, Row, exists, select, update

from qwenq.schemas.errors import (
    BatchNotChangeable,
    JobNotPausable,
    JobNotPaused,
    JobNotRetryable,
    NothingToRetry,
)
from qwenq.schemas.service.stored import StoredBatch
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import ENDED_BATCH_STATES, BatchState, JobChange, JobState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches
from qwenq.store.api_batches.batches import exists_for, find_batch
from qwenq.store.api_batches.life import own_job
from qwenq.store.database.clock import now
from qwenq.store.life.jobs import note_change
from qwenq.store.life.pausing import pause_job, resume_job
from qwenq.store.life.retrying import retry_failed
from qwenq.store.tenants.bounds import check_new_batch
from qwenq.store.tenants.tenants import find_tenant


def retry_batch(
    connection: Connection, caller: Caller, batch_id: str, window_seconds: float, *, is_repeated: bool
) -> StoredBatch | None:
    """Run the lines in the error file of an ended batch again, in a new window; its answers stay.

    The batch is in progress again. Its two files stay until it ends: then new ones take their place. A repeated request
    gets the batch that the first one reopened. Raises BatchNotChangeable, BoundReached.
    """
    held = _hold(connection, caller, batch_id)
    if held is None:
        return None
    if held.state not in ENDED_BATCH_STATES and is_repeated:
        return find_batch(connection, caller, batch_id)
    if held.state not in ENDED_BATCH_STATES or held.state == BatchState.FAILED:
        raise BatchNotChangeable("retry", f"with status '{held.state}'")
    job_id = _job_of(connection, batch_id, "retry")
    # The batch is locked before its tenant, as at its end.
    tenant = find_tenant(connection, caller.tenant, lock=True)
    check_new_batch(connection, caller, tenant, _failed_lines(connection, batch_id))
    try:
        retry_failed(connection, job_id, with_cancelled=True)
    except (JobNotRetryable, NothingToRetry) as error:
        raise BatchNotChangeable("retry", f"without a failed line that can run again: {error}") from None
    note_change(connection, job_id, JobChange.RETRIED, caller.who)
    connection.execute(
        update(api_batches)
        .where(api_batches.c.id == batch_id)
        .values(
            state=BatchState.IN_PROGRESS,
            expires_at=now(window_seconds),
            expiring=False,
            usage=None,
            finalizing_at=None,
            completed_at=None,
            expired_at=None,
            cancelling_at=None,
            cancelled_at=None,
        )
    )
    return find_batch(connection, caller, batch_id)


def _failed_lines(connection: Connection, batch_id: str) -> int:
    query = select(api_batches.c.failed).where(api_batches.c.id == batch_id)
    return int(connection.execute(query).scalar_one())


def pause_batch(connection: Connection, caller: Caller, batch_id: str) -> StoredBatch | None:
    """Begin no more lines of a batch; running ones are finished. Pausing it again changes nothing.

    Its window goes on. Raises BatchNotChangeable.
    """
    return _paused(connection, caller, batch_id, wanted=True)


def resume_batch(connection: Connection, caller: Caller, batch_id: str) -> StoredBatch | None:
    """Let a paused batch go on. Resuming one that runs changes nothing. Raises BatchNotChangeable."""
    return _paused(connection, caller, batch_id, wanted=False)


def _paused(connection: Connection, caller: Caller, batch_id: str, *, wanted: bool) -> StoredBatch | None:
    held = _hold(connection, caller, batch_id)
    if held is None:
        return None
    change = "pause" if wanted else "resume"
    if held.state != BatchState.IN_PROGRESS:
        raise BatchNotChangeable(change, f"with status '{held.state}'")
    job_id = _job_of(connection, batch_id, change)
    is_paused = exists().where(jobs.c.id == job_id, jobs.c.state == JobState.PAUSED)
    if connection.execute(select(is_paused)).scalar_one() != wanted:
        try:
            (pause_job if wanted else resume_job)(connection, job_id)
        except JobNotPausable:
            raise BatchNotChangeable(change, "whose lines have all run") from None
        except JobNotPaused:
            return find_batch(connection, caller, batch_id)
        note_change(connection, job_id, JobChange.PAUSED if wanted else JobChange.RESUMED, caller.who)
    return find_batch(connection, caller, batch_id)


def _hold(connection: Connection, caller: Caller, batch_id: str) -> Row[tuple[str]] | None:
    """Lock the batch for this transaction."""
    mine = exists_for(caller) & (api_batches.c.id == batch_id)
    return connection.execute(select(api_batches.c.state).where(mine).with_for_update()).one_or_none()


def _job_of(connection: Connection, batch_id: str, change: str) -> int:
    job_id = own_job(connection, batch_id)
    if job_id is None:
        raise BatchNotChangeable(change, "whose lines were removed")
    return job_id
