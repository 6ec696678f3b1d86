"""Parts of an upload: each is streamed into the storage, and there whole or not at all."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.service.stored import KeptBytes, StoredPart, StoredUpload
from qwenq.schemas.service.tenants import Caller
from qwenq.server.forms import Form
from qwenq.server.limits import MOST_PART_BYTES
from qwenq.server.refusals import Refused, no_such
from qwenq.server.service import Service
from qwenq.server.uploading import Coming, keep_while, receive
from qwenq.store.files.uploads import check_pending, find_upload, hold_upload, insert_part, new_part_id
from qwenq.store.tenants.bounds import check_new_file
from qwenq.store.tenants.tenants import find_tenant


async def add_part(request: Request, service: Service, caller: Caller, upload_id: str) -> StoredPart:
    """Store the part of a request. Raises Refused, UploadNotPending, BoundReached, FilesAway, StoreAway."""
    await run_in_threadpool(_check, service, caller, upload_id)
    form = Form(request.headers.get("content-type", ""), "data")

    async def receiving(coming: Coming) -> None:
        await receive(request, form, coming, lambda: MOST_PART_BYTES, "data")
        if form.file is None:
            message = "Missing required parameter: 'data'."
            raise Refused(400, message, param="data", code="missing_required_parameter")

    kept, _ = await keep_while(service, new_part_id(), receiving)
    return await run_in_threadpool(_note, service, caller, upload_id, kept)


def found(upload: StoredUpload | None, upload_id: str) -> StoredUpload:
    """The upload. Raises Refused if it does not exist for the caller."""
    if upload is None:
        raise no_such("Upload", upload_id[:100])
    return upload


def _check(service: Service, caller: Caller, upload_id: str) -> None:
    """Refuse a part early that no upload takes."""
    with service.store.reading() as connection:
        check_pending(found(find_upload(connection, caller, upload_id), upload_id))


def _note(service: Service, caller: Caller, upload_id: str, kept: KeptBytes) -> StoredPart:
    """Have the part exist. Its bytes are removed unless nobody knows whether it does."""
    try:
        return _insert(service, caller, upload_id, kept)
    except StoreAway:
        raise
    except BaseException:
        service.storage.remove(kept.id)
        raise


def _insert(service: Service, caller: Caller, upload_id: str, kept: KeptBytes) -> StoredPart:
    with service.store.writing() as connection:
        check_new_file(connection, caller, find_tenant(connection, caller.tenant, lock=True), kept.size)
        upload = found(hold_upload(connection, caller, upload_id), upload_id)
        # A part that is sent once more, since its answer was lost, is another part.
        most = max(2 * upload.size, upload.size + MOST_PART_BYTES)
        part = insert_part(connection, upload, kept, most)
    if part is None:
        message = f"The parts have more bytes than the upload of {upload.size:,} bytes may have."
        raise Refused(400, message, param="data", code="invalid_value")
    return part
