"""Batches as their tenants see them: created, found, listed, with counts from their jobs."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    exists,
    false,
    func,
    insert,
    select,
)

from qwenq.schemas.errors import IdempotencyConflict
from qwenq.schemas.service.bounds import terms_of
from qwenq.schemas.service.stored import JOB_KEY, BatchFault, BatchRequest, StoredBatch
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import ENDED_BATCH_STATES, BatchState, JobState
from qwenq.schemas.tables.core import chunks, jobs, workers
from qwenq.schemas.tables.service import api_batches
from qwenq.store.database.clock import now
from qwenq.store.tenants.bounds import check_new_batch
from qwenq.store.tenants.tenants import find_tenant
from qwenq.store.tenants.webhooks import insert_batch_event

REPEAT_SECONDS = 600.0
"""How long a repeated request finds the batch that the first one created."""


def create_batch(
    connection: Connection,
    caller: Caller,
    request: BatchRequest,
    *,
    is_repeated: bool,
    faults: Sequence[BatchFault] = (),
    documents: int = 0,
) -> StoredBatch:
    """Create a batch, which any process will validate; a repeated request gets the batch of the first one.

    With `faults`, it has failed already. `documents` is how many it has, as far as that is known.
    Raises IdempotencyConflict, BoundReached.
    """
    # Two requests of a tenant take turns, so that the repeated one sees the first, and no bound is passed by two.
    tenant = find_tenant(connection, caller.tenant, lock=True)
    digest = _digest(request)
    first = _first(connection, caller, request, digest, is_repeated=is_repeated)
    if first is not None:
        return first
    if not faults:
        check_new_batch(connection, caller, tenant, documents)
    batch_id = f"batch_{secrets.token_hex(12)}"
    connection.execute(
        insert(api_batches).values(
            id=batch_id,
            tenant=caller.tenant,
            owner=caller.owner,
            state=BatchState.FAILED if faults else BatchState.VALIDATING,
            errors=[asdict(fault) for fault in faults] or None,
            failed_at=now() if faults else None,
            input_file_id=request.input_file_id,
            endpoint=request.endpoint,
            completion_window=request.completion_window,
            metadata=request.metadata,
            request_digest=digest,
            idempotency_key=request.idempotency_key,
            output_seconds=request.output_seconds,
            rows=request.rows,
            reserved=documents,
            terms=terms_of(caller.bounds, tenant.bounds, sanitizes=tenant.sanitizes),
            created_at=now(),
            expires_at=now(request.window_seconds),
        )
    )
    if faults:
        insert_batch_event(connection, caller.tenant, batch_id, BatchState.FAILED)
    return as_batch(connection.execute(batches_of(caller).where(api_batches.c.id == batch_id)).one())


def find_batch(connection: Connection, caller: Caller, batch_id: str) -> StoredBatch | None:
    """A batch that exists for the caller."""
    given = {"of_tenant": caller.tenant, "of_owner": caller.owner, "of_id": batch_id}
    row = connection.execute(_one(of_owner=caller.sees_only_own), given).one_or_none()
    return None if row is None else as_batch(row)


def list_batches(
    connection: Connection, caller: Caller, limit: int, after: str | None = None
) -> Sequence[StoredBatch]:
    """Batches that exist for the caller, newest first; `after` is the last batch of the page before."""
    given = {"of_tenant": caller.tenant, "of_owner": caller.owner, "of_id": after, "most": limit}
    query = _page(of_owner=caller.sees_only_own, is_first=after is None)
    return [as_batch(row) for row in connection.execute(query, given)]


def served_models(connection: Connection) -> list[tuple[str, Any]]:
    """The models that some worker has or had, by name, each with the time of its first start."""
    query = (
        select(workers.c.model, func.min(workers.c.started_at).label("since"))
        .group_by(workers.c.model)
        .order_by(workers.c.model)
    )
    return [(row.model, row.since) for row in connection.execute(query)]


# Clients ask these again and again, and to build them takes longer than to answer them.


@cache
def _one(*, of_owner: bool) -> Select[Any]:
    return all_batches().where(_seen(of_owner=of_owner), api_batches.c.id == bindparam("of_id"))


@cache
def _page(*, of_owner: bool, is_first: bool) -> Select[Any]:
    query = all_batches().where(_seen(of_owner=of_owner))
    if not is_first:
        last = select(api_batches.c.number).where(
            _seen(of_owner=of_owner), api_batches.c.id == bindparam("of_id")
        )
        query = query.where(api_batches.c.number < last.scalar_subquery())
    return query.order_by(api_batches.c.number.desc()).limit(bindparam("most"))


def _seen(*, of_owner: bool) -> ColumnElement[bool]:
    of_tenant = api_batches.c.tenant == bindparam("of_tenant")
    return of_tenant & (api_batches.c.owner == bindparam("of_owner")) if of_owner else of_tenant


def exists_for(caller: Caller) -> ColumnElement[bool]:
    """A batch is of the caller's tenant and, for a member, of its owner."""
    mine = api_batches.c.tenant == caller.tenant
    return mine & (api_batches.c.owner == caller.owner) if caller.sees_only_own else mine


def is_own_job() -> ColumnElement[bool]:
    """A job was made for the batch: SQLite reuses the numbers of removed jobs."""
    return (jobs.c.id == api_batches.c.job_id) & (jobs.c.idempotency_key == JOB_KEY + api_batches.c.id)


def batches_of(caller: Caller) -> Select[Any]:
    """Batches that exist for the caller, with the counts of their jobs."""
    return all_batches().where(exists_for(caller))


def all_batches() -> Select[Any]:
    """All batches, with the counts of their jobs while these run."""
    is_over = api_batches.c.state.in_(ENDED_BATCH_STATES)
    own = select(jobs.c.id).where(is_own_job()).correlate(api_batches).scalar_subquery()

    def counted(ended: ColumnElement[int], counts: ColumnElement[int]) -> ColumnElement[int]:
        running = select(func.coalesce(func.sum(counts), 0)).where(chunks.c.job_id == own)
        return case((is_over, ended), else_=running.correlate(api_batches).scalar_subquery())

    paused = exists().where(is_own_job(), jobs.c.state == JobState.PAUSED).correlate(api_batches)
    found = {
        "completed": counted(api_batches.c.completed, chunks.c.succeeded).label("completed"),
        "failed": counted(api_batches.c.failed, chunks.c.failed + chunks.c.cancelled).label("failed"),
        "paused": case((is_over, false()), else_=paused).label("paused"),
    }
    return select(*(found[name] if name in found else api_batches.c[name] for name in _FIELDS))


def as_batch(row: Row[Any]) -> StoredBatch:
    """A row of such a query as a batch."""
    # By place: a list is made of many rows. A query may add columns.
    return StoredBatch(
        *(convert(value) if convert else value for convert, value in zip(_CONVERT, row, strict=False))
    )


_FIELDS = tuple(StoredBatch.__dataclass_fields__)
_KINDS: dict[str, Callable[[Any], Any]] = {
    "state": BatchState,
    "total": int,
    "completed": int,
    "failed": int,
    "paused": bool,
}
_CONVERT = [_KINDS.get(name) for name in _FIELDS]


def _first(
    connection: Connection, caller: Caller, request: BatchRequest, digest: bytes, *, is_repeated: bool
) -> StoredBatch | None:
    """The batch that the same request created before; None: it is the first. Raises IdempotencyConflict."""
    query = batches_of(caller).where(api_batches.c.owner == caller.owner)
    key = request.idempotency_key
    if key is not None:
        query = query.where(api_batches.c.idempotency_key == key)
    elif is_repeated:
        recently = api_batches.c.created_at > now(-REPEAT_SECONDS)
        query = query.where(api_batches.c.request_digest == digest, recently)
    else:
        return None
    query = query.add_columns(api_batches.c.request_digest).order_by(api_batches.c.number.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    if found is not None and found.request_digest != digest:
        raise IdempotencyConflict(key=key or "")
    return None if found is None else as_batch(found)


def _digest(request: BatchRequest) -> bytes:
    asked = [
        request.input_file_id,
        request.endpoint,
        request.completion_window,
        dict(request.metadata or {}),
        request.output_seconds,
        *([] if request.rows is None else [request.rows]),
    ]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()
