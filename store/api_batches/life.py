"""The life of a batch: held by one process while it is validated or finalized, each step one transaction.

Everybody locks a batch before its job. The fence is `api_batches.holder`: a process that lost it changes nothing.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, update

from qwenq.schemas.errors import BatchLost, BatchNotCancellable, JobNotCancellable
from qwenq.schemas.jobs import TokenUsage
from qwenq.schemas.service.stored import BatchFault, HeldBatch, StoredBatch
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import ENDED_BATCH_STATES, BatchState, JobState
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches
from qwenq.store.api_batches.batches import all_batches, as_batch, exists_for, find_batch, is_own_job
from qwenq.store.conditions import has_ended
from qwenq.store.database.clock import now
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.questions import any_abandoned
from qwenq.store.tenants.webhooks import insert_batch_event

_ENDED_AT = {
    BatchState.COMPLETED: "completed_at",
    BatchState.FAILED: "failed_at",
    BatchState.EXPIRED: "expired_at",
    BatchState.CANCELLED: "cancelled_at",
}


@dataclass(frozen=True, slots=True)
class ToDo:
    """Whether there is a batch to validate, to expire, to finalize, and an abandoned single request."""

    validate: bool
    expire: bool
    finalize: bool
    abandoned: bool = False


def read_to_do(connection: Connection) -> ToDo:
    """What there is to do. Only reads: a writer would make others wait."""
    found = connection.execute(
        select(
            exists().where(_is_free(), _is_unvalidated()),
            exists().where(_is_over()),
            exists().where(_is_free(), _is_finalizable()),
            any_abandoned(),
        )
    ).one()
    return ToDo(*map(bool, found))


def hold_to_validate(connection: Connection, lease_seconds: float) -> HeldBatch | None:
    """Hold the oldest batch that nobody validates; None: there is none."""
    return _hold(connection, _is_unvalidated(), lease_seconds)


def hold_to_finalize(connection: Connection, lease_seconds: float) -> HeldBatch | None:
    """Hold the oldest batch whose job has ended, with no chunk left at a worker, and which nobody finalizes."""
    held = _hold(connection, _is_finalizable(), lease_seconds)
    if held is not None and held.batch.state == BatchState.IN_PROGRESS:
        connection.execute(
            update(api_batches)
            .where(api_batches.c.id == held.batch.id)
            .values(state=BatchState.FINALIZING, finalizing_at=now())
        )
    return held


def renew_batch(connection: Connection, held: HeldBatch, lease_seconds: float) -> bool:
    """Renew the lease. False: another process holds the batch."""
    renewed = connection.execute(
        update(api_batches).where(_is_mine(held)).values(holder_expires_at=now(lease_seconds))
    )
    return bool(renewed.rowcount)


def release_batch(connection: Connection, held: HeldBatch) -> None:
    """Let go of a batch, so that another process takes it at once; nothing happens if this one lost it."""
    connection.execute(update(api_batches).where(_is_mine(held)).values(holder=None, holder_expires_at=None))


def begin_batch(
    connection: Connection,
    held: HeldBatch,
    job_id: int,
    model: str,
    total: int,
    sanitized: Mapping[str, Any] | None = None,
    notes: Sequence[str] | None = None,
) -> None:
    """Note the batch's job, which runs already; `sanitized` is what was taken out of its documents.

    `notes` is what was found out of its input.

    A batch that was cancelled meanwhile cancels it. Raises BatchLost.
    """
    state = _hold_row(connection, held)
    values: dict[str, Any] = {"job_id": job_id, "model": model, "total": total, "in_progress_at": now()}
    values["sanitized"], values["notes"] = sanitized, list(notes or ()) or None
    if state == BatchState.VALIDATING:
        values["state"] = BatchState.IN_PROGRESS
    _update(connection, held, **values)
    if state == BatchState.CANCELLING:
        with suppress(JobNotCancellable):  # it has ended already
            cancel_job(connection, job_id)


def fail_batch(connection: Connection, held: HeldBatch, faults: Sequence[BatchFault]) -> None:
    """End a batch that cannot be validated; one that was cancelled meanwhile is cancelled. Raises BatchLost."""
    is_cancelled = _hold_row(connection, held) == BatchState.CANCELLING
    ended = BatchState.CANCELLED if is_cancelled else BatchState.FAILED
    _update(
        connection,
        held,
        state=ended,
        errors=[asdict(fault) for fault in faults],
        **{_ENDED_AT[ended]: now()},
    )
    insert_batch_event(connection, held.batch.tenant, held.batch.id, ended)


def publish_batch(
    connection: Connection,
    held: HeldBatch,
    completed: int,
    failed: int,
    usage: TokenUsage,
    output_file_id: str | None,
    error_file_id: str | None,
) -> BatchState:
    """End a batch: counts, usage and files become visible together. Returns how it ended. Raises BatchLost."""
    state = _hold_row(connection, held)
    job_state = connection.execute(select(jobs.c.state).where(jobs.c.id == held.batch.job_id)).scalar()
    ended = BatchState.COMPLETED
    if state == BatchState.CANCELLING:
        ended = BatchState.CANCELLED
    elif job_state == JobState.CANCELLED:
        ended = BatchState.EXPIRED if held.batch.expiring else BatchState.CANCELLED
    _update(
        connection,
        held,
        state=ended,
        total=completed + failed,
        completed=completed,
        failed=failed,
        usage=usage.model_dump(),
        output_file_id=output_file_id,
        error_file_id=error_file_id,
        finalizing_at=func.coalesce(api_batches.c.finalizing_at, now()),
        **{_ENDED_AT[ended]: now()},
    )
    insert_batch_event(connection, held.batch.tenant, held.batch.id, ended)
    return ended


def cancel_batch(connection: Connection, caller: Caller, batch_id: str) -> StoredBatch | None:
    """Cancel a batch and its job; what is answered stays. Cancelling it again changes nothing. None: no such batch.

    Raises BatchNotCancellable.
    """
    mine = exists_for(caller) & (api_batches.c.id == batch_id)
    row = connection.execute(
        select(api_batches.c.state, api_batches.c.job_id).where(mine).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    if row.state not in {BatchState.CANCELLING, BatchState.CANCELLED}:
        if row.state in ENDED_BATCH_STATES:
            raise BatchNotCancellable(batch_id=batch_id, state=row.state)
        connection.execute(
            update(api_batches).where(mine).values(state=BatchState.CANCELLING, cancelling_at=now())
        )
        if row.job_id is not None:
            _cancel_own_job(connection, batch_id)
    return find_batch(connection, caller, batch_id)


def expire_next(connection: Connection) -> str | None:
    """Cancel the job of a batch whose window is over. Returns the batch's id; None: there is none."""
    batch_id: str | None = connection.execute(
        update(api_batches)
        .where(
            api_batches.c.number
            == select(api_batches.c.number)
            .where(_is_over())
            .order_by(api_batches.c.number)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        .values(expiring=True)
        .returning(api_batches.c.id)
    ).scalar_one_or_none()
    if batch_id is not None:
        _cancel_own_job(connection, batch_id)
    return batch_id


def own_job(connection: Connection, batch_id: str) -> int | None:
    """The job of a batch; None: it has none yet, or it was removed."""
    job_id: int | None = connection.execute(
        select(jobs.c.id).join(api_batches, is_own_job()).where(api_batches.c.id == batch_id)
    ).scalar_one_or_none()
    return job_id


def _cancel_own_job(connection: Connection, batch_id: str) -> None:
    job_id = own_job(connection, batch_id)
    if job_id is not None:
        with suppress(JobNotCancellable):  # it has ended already
            cancel_job(connection, job_id)


def _hold(connection: Connection, which: ColumnElement[bool], lease_seconds: float) -> HeldBatch | None:
    token = secrets.token_hex(16)
    number = (
        select(api_batches.c.number)
        .where(_is_free(), which)
        .order_by(api_batches.c.number)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    batch_id = connection.execute(
        update(api_batches)
        .where(api_batches.c.number == number)
        .values(holder=token, holder_expires_at=now(lease_seconds))
        .returning(api_batches.c.id)
    ).scalar_one_or_none()
    if batch_id is None:
        return None
    row = connection.execute(all_batches().where(api_batches.c.id == batch_id)).one()
    return HeldBatch(as_batch(row), token)


def _hold_row(connection: Connection, held: HeldBatch) -> BatchState:
    """Lock the batch for this transaction. Returns its state. Raises BatchLost."""
    query = select(api_batches.c.state).where(_is_mine(held)).with_for_update()
    state = connection.execute(query).scalar_one_or_none()
    if state is None:
        raise BatchLost(batch_id=held.batch.id)
    return BatchState(state)


def _update(connection: Connection, held: HeldBatch, **values: Any) -> None:
    connection.execute(
        update(api_batches)
        .where(api_batches.c.id == held.batch.id)
        .values(holder=None, holder_expires_at=None, **values)
    )


def _is_free() -> ColumnElement[bool]:
    """A batch has not ended, and no process holds it."""
    expires = api_batches.c.holder_expires_at
    is_open = api_batches.c.state.not_in(ENDED_BATCH_STATES)
    return and_(is_open, or_(expires.is_(None), expires < now()))


def _is_unvalidated() -> ColumnElement[bool]:
    return api_batches.c.job_id.is_(None)


def _is_over() -> ColumnElement[bool]:
    """A batch's window is over, and its job still runs."""
    in_progress = api_batches.c.state == BatchState.IN_PROGRESS
    return and_(in_progress, api_batches.c.expires_at <= now(), ~api_batches.c.expiring)


def _is_finalizable() -> ColumnElement[bool]:
    """A batch's job has ended and no worker holds a chunk of it, or it is gone."""
    own = exists().where(is_own_job()).correlate(api_batches)
    ended = exists().where(is_own_job(), has_ended(0.0)).correlate(api_batches)
    return and_(api_batches.c.job_id.is_not(None), or_(ended, ~own))


def _is_mine(held: HeldBatch) -> ColumnElement[bool]:
    is_open = api_batches.c.state.not_in(ENDED_BATCH_STATES)
    return (api_batches.c.id == held.batch.id) & (api_batches.c.holder == held.token) & is_open
