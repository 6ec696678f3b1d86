"""`/v1/batches/{id}/…` beyond OpenAI: retry, pause, resume, and the lines of a batch while it runs."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Connection

from qwenq.schemas.errors import BrokerAway
from qwenq.schemas.service.stored import StoredBatch
from qwenq.schemas.service.tenants import Caller
from qwenq.server.batches.partial import Partial, lines_in, partial_of
from qwenq.server.callers import Changer, Reader, Served
from qwenq.server.documented import BYTES, Offset, refusals
from qwenq.server.limits import WINDOWS
from qwenq.server.objects import Batch
from qwenq.server.queries import offset_of
from qwenq.server.routes.batches import RETRIES, no_batch
from qwenq.server.service import Service
from qwenq.server.shapes import batch_object
from qwenq.store.api_batches.batches import find_batch
from qwenq.store.api_batches.changing import pause_batch, resume_batch, retry_batch
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.tenants.audit import note_deed

JSON_LINES = "application/x-ndjson"
_Change = Callable[[Connection, Caller, str], StoredBatch | None]

router = APIRouter(prefix="/v1/batches", tags=["batches"], responses=refusals(404, 409))


@router.post("/{batch_id}/retry")
def retry(request: Request, batch_id: str, service: Served, caller: Changer) -> Batch:
    """Run the lines in the error file of an ended batch again; its answers stay."""
    is_repeated = request.headers.get(RETRIES, "0") not in {"", "0"}
    change = partial(retry_batch, window_seconds=max(WINDOWS.values()), is_repeated=is_repeated)
    return _changed(request, batch_id, service, caller, "retry", change)


@router.post("/{batch_id}/pause")
def pause(request: Request, batch_id: str, service: Served, caller: Changer) -> Batch:
    """Begin no more lines of a batch; running ones are finished. Its window goes on."""
    return _changed(request, batch_id, service, caller, "pause", pause_batch)


@router.post("/{batch_id}/resume")
def resume(request: Request, batch_id: str, service: Served, caller: Changer) -> Batch:
    """Let a paused batch go on."""
    return _changed(request, batch_id, service, caller, "resume", resume_batch)


@router.get("/{batch_id}/results", response_class=StreamingResponse, responses=BYTES)
def results(
    request: Request, batch_id: str, service: Served, caller: Reader, offset: Offset = None
) -> StreamingResponse:
    """Download the lines that have ended, answers and errors, in input order up to the first that has not."""
    skipped = offset_of(offset)
    with service.store.reading() as connection:
        batch = find_batch(connection, caller, batch_id)
    if batch is None:
        raise no_batch(batch_id)
    request.state.object = batch.id
    return partial_response(service, caller, partial_of(service.store, batch, skipped, answers_only=False))


def partial_response(service: Service, caller: Caller, found: Partial) -> StreamingResponse:
    """The lines of a batch so far. The first is read now, so that a store that is away is refused in time."""
    with service.store.writing() as connection:
        note_deed(connection, caller.tenant, caller.who, "batch.read", found.batch.id, caller.request_id)
    lines = lines_in(service.store, found)
    body: Iterator[bytes] = chain([next(lines, b"")], lines)
    headers = {**found.headers, "x-content-type-options": "nosniff"}
    return StreamingResponse(body, headers=headers, media_type=JSON_LINES)


def _changed(
    request: Request, batch_id: str, service: Service, caller: Caller, deed: str, change: _Change
) -> Batch:
    with service.store.writing() as connection:
        batch = change(connection, caller, batch_id)
        if batch is None:
            raise no_batch(batch_id)
        note_deed(connection, caller.tenant, caller.who, f"batch.{deed}", batch.id, caller.request_id)
    request.state.object = batch.id
    if batch.job_id is not None and not batch.paused:
        with suppress(BrokerAway):  # workers find it by themselves
            announce_job(service.store, service.broker, batch.job_id)
    service.bell.ring()
    return batch_object(batch)
