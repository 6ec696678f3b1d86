"""`/v1/uploads`: files that come in parts."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from qwenq.schemas.service.stored import StoredUpload, UploadRequest
from qwenq.schemas.service.tenants import Caller
from qwenq.server.bodies import json_of
from qwenq.server.callers import Changer, Served
from qwenq.server.documented import ADD_PART, COMPLETE_UPLOAD, CREATE_UPLOAD, refusals
from qwenq.server.limits import UPLOAD_SECONDS
from qwenq.server.objects import Upload, UploadPart
from qwenq.server.service import Service
from qwenq.server.shapes import part_object, upload_object
from qwenq.server.uploads.completing import cancel as cancel_it
from qwenq.server.uploads.completing import complete as complete_it
from qwenq.server.uploads.parts import add_part
from qwenq.server.uploads.requests import completion, upload_request
from qwenq.store.files.uploads import insert_upload
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.bounds import check_new_file
from qwenq.store.tenants.tenants import find_tenant

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], responses=refusals(429))


@router.post("", openapi_extra=CREATE_UPLOAD)
async def create(request: Request, service: Served, caller: Changer) -> Upload:
    """Begin an upload, which waits an hour for its parts."""
    wanted = upload_request(await json_of(request), caller)
    upload = await run_in_threadpool(_create, service, caller, wanted)
    request.state.object = upload.id
    return upload_object(upload, None)


@router.post("/{upload_id}/parts", openapi_extra=ADD_PART, responses=refusals(404))
async def add(request: Request, upload_id: str, service: Served, caller: Changer) -> UploadPart:
    """Add a part of at most 64 MB, in any order."""
    part = await add_part(request, service, caller, upload_id)
    request.state.object, request.state.uploaded_bytes = part.id, part.size
    return part_object(part)


@router.post("/{upload_id}/complete", openapi_extra=COMPLETE_UPLOAD, responses=refusals(404))
async def complete(request: Request, upload_id: str, service: Served, caller: Changer) -> Upload:
    """Join parts in the order of `part_ids`: the upload becomes a file."""
    wanted = completion(await json_of(request))
    upload, file = await run_in_threadpool(complete_it, service, caller, upload_id, wanted)
    request.state.object = upload.id
    request.state.sha256 = "-" if file is None else file.sha256.hex()
    return upload_object(upload, file)


@router.post("/{upload_id}/cancel", responses=refusals(404))
def cancel(request: Request, upload_id: str, service: Served, caller: Changer) -> Upload:
    """Cancel an upload. Its parts are gone."""
    upload = cancel_it(service, caller, upload_id)
    request.state.object = upload.id
    return upload_object(upload, None)


def _create(service: Service, caller: Caller, wanted: UploadRequest) -> StoredUpload:
    with service.store.writing() as connection:
        tenant = find_tenant(connection, caller.tenant, lock=True)
        check_new_file(connection, caller, tenant, wanted.size)
        upload = insert_upload(connection, caller, wanted, UPLOAD_SECONDS)
        note_deed(connection, caller.tenant, caller.who, "upload.create", upload.id, caller.request_id)
    return upload
