"""`/v1/files`."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from qwenq.schemas.errors import FilesAway
from qwenq.schemas.service.stored import Purpose, StoredBatch, StoredFile
from qwenq.schemas.service.tenants import Caller
from qwenq.schemas.states import ENDED_BATCH_STATES
from qwenq.server.batches.partial import partial_of
from qwenq.server.callers import Changer, Reader, Served
from qwenq.server.documented import BYTES, UPLOAD_FILE, After, FilesLimit, Offset, Order, refusals
from qwenq.server.limits import MOST_FILES_A_PAGE
from qwenq.server.line_offsets import after_lines, from_byte
from qwenq.server.objects import Deleted, File, Page
from qwenq.server.queries import limit_of, offset_of, one_of
from qwenq.server.refusals import no_such
from qwenq.server.routes.batch_changes import partial_response
from qwenq.server.service import Service
from qwenq.server.shapes import batch_of_partial, file_object, page_of
from qwenq.server.uploading import upload
from qwenq.store.api_batches.batches import find_batch
from qwenq.store.api_batches.forgetting import forget_files
from qwenq.store.files.stored_files import delete_file, find_file, list_files
from qwenq.store.tenants.audit import note_deed

router = APIRouter(prefix="/v1/files", tags=["files"], responses=refusals())


@router.post("", openapi_extra=UPLOAD_FILE)
async def create(request: Request, service: Served, caller: Changer) -> File:
    """Upload a file: `purpose` and `file`, and `expires_after[anchor]` with `expires_after[seconds]`, in a form."""
    file = await upload(request, service, caller)
    request.state.uploaded_bytes = file.size
    request.state.object, request.state.sha256 = file.id, file.sha256.hex()
    return file_object(file)


@router.get("")
def index(
    service: Served,
    caller: Reader,
    limit: FilesLimit = None,
    after: After = None,
    order: Order = "desc",
    purpose: str | None = None,
) -> Page[File]:
    """List files, newest first."""
    most = limit_of(limit, MOST_FILES_A_PAGE, MOST_FILES_A_PAGE, least=1)
    if order not in {"asc", "desc"}:
        raise one_of("order", order, ("asc", "desc"))
    with service.store.reading() as connection:
        if after and find_file(connection, caller, after) is None:
            raise no_such("File", after[:100], "after")
        found = list_files(connection, caller, most + 1, after, purpose, oldest_first=order == "asc")
    return page_of([file_object(file) for file in found[:most]], has_more=len(found) > most)


@router.get("/{file_id}", responses=refusals(404))
def retrieve(request: Request, file_id: str, service: Served, caller: Reader) -> File:
    """Retrieve what a file is."""
    return file_object(_found(request, service, caller, file_id))


@router.delete("/{file_id}", responses=refusals(404))
def delete(request: Request, file_id: str, service: Served, caller: Changer) -> Deleted:
    """Delete a file, and what the store has of it: of a batch that ended, the lines and answers.

    All is gone when this returns, or soon after. A batch that runs goes on, and forgets its lines at its end.
    """
    with service.store.writing() as connection:
        file = delete_file(connection, caller, file_id)
        if file is None:
            raise no_such("File", file_id[:100])
        forget_files(connection, [file.id])
        digest = file.sha256.hex()
        note_deed(connection, caller.tenant, caller.who, "file.delete", file.id, caller.request_id, digest)
    request.state.object, request.state.sha256 = file.id, file.sha256.hex()
    with suppress(FilesAway):
        service.storage.remove(file.id)
    service.bell.ring()
    return Deleted(id=file.id)


@router.get("/{file_id}/content", response_class=StreamingResponse, responses=refusals(404) | BYTES)
def content(
    request: Request,
    file_id: str,
    service: Served,
    caller: Reader,
    offset: Offset = None,
    skip: Offset = None,
) -> StreamingResponse:
    """Download a file, or its lines from `offset` on. The output file of a batch grows while the batch runs.

    `skip` is what dw-cli calls the offset.
    """
    offset = skip if offset is None else offset
    skipped = offset_of(offset)
    batch = _growing(service, caller, file_id)
    if batch is not None:
        request.state.object = batch.id
        if batch.state not in ENDED_BATCH_STATES or batch.output_file_id is None:
            found = partial_of(service.store, batch, skipped, answers_only=True)
            return partial_response(service, caller, found)
        file_id = batch.output_file_id
    file = _found(request, service, caller, file_id)
    with service.store.writing() as connection:
        digest = file.sha256.hex()
        note_deed(connection, caller.tenant, caller.who, "file.read", file.id, caller.request_id, digest)
    first, more = 0, {}
    if file.purpose is Purpose.BATCH_OUTPUT:
        more = {"x-incomplete": "false", "x-last-line": str(file.lines)}
    if skipped:
        first, lines = after_lines(service.storage.blocks(file.id), skipped)
        more["x-last-line"] = str(max(lines, skipped))
    headers = {
        "content-length": str(file.size - first),
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.name)}",
        "x-content-type-options": "nosniff",
        **more,
    }
    body = _blocks(service, file.id, first)
    return StreamingResponse(body, headers=headers, media_type="application/octet-stream")


def _growing(service: Service, caller: Caller, file_id: str) -> StoredBatch | None:
    """The batch whose output file grows under this id; None if it is a file, or neither."""
    with service.store.reading() as connection:
        if find_file(connection, caller, file_id) is not None:
            return None
        return find_batch(connection, caller, batch_of_partial(file_id))


def _blocks(service: Service, file_id: str, first: int) -> Iterator[bytes]:
    """The file's blocks from a byte on; one is read now, so that a storage that is away is refused in time."""
    blocks = from_byte(service.storage.blocks(file_id), first)
    return chain([next(blocks, b"")], blocks)


def _found(request: Request, service: Service, caller: Caller, file_id: str) -> StoredFile:
    with service.store.reading() as connection:
        file = find_file(connection, caller, file_id)
    if file is None:
        raise no_such("File", file_id[:100])
    request.state.object, request.state.sha256 = file.id, file.sha256.hex()
    return file
