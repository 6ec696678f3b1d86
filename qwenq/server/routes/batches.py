"""`/v1/batches`."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from qwenq.schemas.errors import FilesAway
from qwenq.schemas.service.stored import BatchRequest, Purpose, StoredBatch, StoredFile
from qwenq.schemas.service.tenants import Caller
from qwenq.server.batches.validating import no_such_input
from qwenq.server.bodies import batch_request, json_of
from qwenq.server.callers import Changer, Reader, Served
from qwenq.server.documented import CREATE_BATCH, After, BatchesLimit, refusals
from qwenq.server.limits import BATCHES_A_PAGE, MOST_BATCHES_A_PAGE
from qwenq.server.objects import Batch, DeletedBatch, Page
from qwenq.server.queries import limit_of
from qwenq.server.refusals import Refused
from qwenq.server.row_fields import are_rows, job_of_rows, row_fields, stored
from qwenq.server.service import Service
from qwenq.server.shapes import answer_of, batch_object, page_of
from qwenq.store.api_batches.batches import create_batch, find_batch, list_batches
from qwenq.store.api_batches.forgetting import delete_batch
from qwenq.store.api_batches.life import cancel_batch
from qwenq.store.files.stored_files import find_file
from qwenq.store.tenants.audit import note_deed

RETRIES = "x-stainless-retry-count"

router = APIRouter(prefix="/v1/batches", tags=["batches"], responses=refusals())


@router.post("", openapi_extra=CREATE_BATCH, responses=refusals(409, 413))
async def create(request: Request, service: Served, caller: Changer) -> Batch:
    """Create a batch of an uploaded file. It is validated soon after; a file that does not exist fails it."""
    body = await json_of(request)
    wanted = batch_request(body)
    is_repeated = request.headers.get(RETRIES, "0") not in {"", "0"}
    wanted = await run_in_threadpool(with_rows, service, caller, wanted, body)
    batch, digest = await run_in_threadpool(_create, service, caller, wanted, is_repeated)
    service.bell.ring()
    request.state.object, request.state.sha256 = batch.id, digest or "-"
    return batch_object(batch)


@router.get("", response_model=Page[Batch])
def index(service: Served, caller: Reader, limit: BatchesLimit = None, after: After = None) -> Response:
    """List batches, newest first."""
    most = limit_of(limit, BATCHES_A_PAGE, MOST_BATCHES_A_PAGE, least=0)
    with service.store.asking() as connection:
        if after and find_batch(connection, caller, after) is None:
            raise no_batch(after, "after")
        found = list_batches(connection, caller, most + 1, after) if most else []
    return answer_of(page_of([batch_object(batch) for batch in found[:most]], has_more=len(found) > most))


@router.get("/{batch_id}", response_model=Batch, responses=refusals(404))
def retrieve(request: Request, batch_id: str, service: Served, caller: Reader) -> Response:
    """Retrieve where a batch stands."""
    with service.store.asking() as connection:
        batch = find_batch(connection, caller, batch_id)
    if batch is None:
        raise no_batch(batch_id)
    request.state.object = batch.id
    return answer_of(batch_object(batch))


@router.post("/{batch_id}/cancel", responses=refusals(404, 409))
def cancel(request: Request, batch_id: str, service: Served, caller: Changer) -> Batch:
    """Cancel a batch. What was answered so far stays, and is published with its end."""
    with service.store.writing() as connection:
        batch = cancel_batch(connection, caller, batch_id)
        if batch is None:
            raise no_batch(batch_id)
        note_deed(connection, caller.tenant, caller.who, "batch.cancel", batch.id, caller.request_id)
    service.bell.ring()
    request.state.object = batch.id
    return batch_object(batch)


@router.delete("/{batch_id}", responses=refusals(404, 409))
def delete(request: Request, batch_id: str, service: Served, caller: Changer) -> DeletedBatch:
    """Delete an ended batch with its output and error file, and all that the store has of its lines and answers.

    The input file stays: it is a file of its own.
    """
    with service.store.writing() as connection:
        deleted = delete_batch(connection, caller, batch_id)
        if deleted is None:
            raise no_batch(batch_id)
        note_deed(connection, caller.tenant, caller.who, "batch.delete", batch_id, caller.request_id)
    request.state.object = batch_id
    with suppress(FilesAway):
        for file_id in deleted.file_ids:
            service.storage.remove(file_id)
    service.bell.ring()
    return DeletedBatch(id=batch_id)


def _create(
    service: Service,
    caller: Caller,
    wanted: BatchRequest,
    is_repeated: bool,  # noqa: FBT001
) -> tuple[StoredBatch, str | None]:
    """Create a batch. Returns it, and the SHA-256 of its file."""
    with service.store.writing() as connection:
        file = find_file(connection, caller, wanted.input_file_id)
        if file is not None:
            check_purpose(file, wanted)
        faults = [no_such_input(wanted.input_file_id)] if file is None else []
        batch = create_batch(
            connection,
            caller,
            wanted,
            is_repeated=is_repeated,
            faults=faults,
            documents=0 if file is None else _documents_in(file),
        )
        digest = None if file is None else file.sha256.hex()
        note_deed(connection, caller.tenant, caller.who, "batch.create", batch.id, caller.request_id, digest)
    return batch, digest


def with_rows(
    service: Service, caller: Caller, wanted: BatchRequest, body: Mapping[str, Any]
) -> BatchRequest:
    """The request with qwenq's own fields, if its input is rows. Raises Refused for a field that cannot be used."""
    with service.store.reading() as connection:
        file = find_file(connection, caller, wanted.input_file_id)
    if file is None or not are_rows(body, file):
        return wanted
    fields = row_fields(body, wanted.endpoint)
    most = caller.bounds.narrower(caller.tenant_bounds).max_tokens
    job_of_rows(service.settings, fields, file.name, None, most)
    return replace(wanted, rows=stored(fields))


def check_purpose(file: StoredFile, wanted: BatchRequest) -> None:
    """Raise Refused for a file that is no input of such a batch."""
    if file.purpose is Purpose.BATCH or (wanted.rows is not None and file.purpose is Purpose.USER_DATA):
        return
    message = f"Invalid file purpose: '{file.purpose}'. The input of a batch must have the purpose 'batch'."
    raise Refused(400, message, param="input_file_id", code="invalid_value")


def _documents_in(file: StoredFile) -> int:
    """How many documents a file has, as far as its lines tell; 0 if its format has no lines."""
    return file.lines if "." not in file.name or file.name.lower().endswith(".jsonl") else 0


def no_batch(batch_id: str, param: str = "id") -> Refused:
    """The refusal for a batch that does not exist for the caller, whether it exists for others or not."""
    return Refused(404, f"No batch found with id '{batch_id[:100]}'.", param=param)
