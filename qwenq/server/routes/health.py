"""`/healthz`: whether this process can answer. It needs no key, and tells nothing."""

from typing import Literal

from fastapi import APIRouter

from qwenq.server.callers import Served
from qwenq.server.documented import refusals
from qwenq.store.database.clock import moment_of

router = APIRouter(tags=["health"])


@router.get("/healthz", responses=refusals())
def health(service: Served) -> dict[Literal["status"], Literal["ok"]]:
    """Answer 200 if the store answers, else 503."""
    with service.store.reading() as connection:
        moment_of(connection)
    return {"status": "ok"}
