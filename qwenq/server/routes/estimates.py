"""`/v1/batches/estimate`: what a batch would take, before it is created."""

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request

from qwenq.schemas.service.stored import BatchRequest
from qwenq.schemas.service.tenants import Caller
from qwenq.server.batches.estimating import estimate
from qwenq.server.bodies import batch_request, json_of
from qwenq.server.callers import Reader, Served
from qwenq.server.documented import CREATE_BATCH, refusals
from qwenq.server.objects import Estimate
from qwenq.server.routes.batches import check_purpose, with_rows
from qwenq.server.service import Service
from qwenq.store.files.stored_files import find_file
from qwenq.store.tenants.audit import note_deed

AT_ONCE = 2
"""Estimates of a process: each tokenizes a whole file."""
_limiter = CapacityLimiter(AT_ONCE)

router = APIRouter(prefix="/v1/batches", tags=["batches"], responses=refusals(413))


@router.post("/estimate", openapi_extra=CREATE_BATCH)
async def create(request: Request, service: Served, caller: Reader) -> Estimate:
    """Estimate what a batch would take; the body is that of its creation. Nothing is created."""
    body = await json_of(request)
    wanted = batch_request(body)

    def work() -> Estimate:
        asked = with_rows(service, caller, wanted, body)
        _check(service, caller, asked)
        return estimate(service, caller, asked)

    return await to_thread.run_sync(work, limiter=_limiter)


def _check(service: Service, caller: Caller, wanted: BatchRequest) -> None:
    """Refuse a file for another purpose; note the reading of any other."""
    with service.store.writing() as connection:
        file = find_file(connection, caller, wanted.input_file_id)
        if file is not None:
            check_purpose(file, wanted)
            digest = file.sha256.hex()
            note_deed(
                connection, caller.tenant, caller.who, "batch.estimate", file.id, caller.request_id, digest
            )
