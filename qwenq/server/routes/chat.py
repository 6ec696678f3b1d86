"""`/v1/chat/completions`: single requests."""

import asyncio
from contextlib import suppress
from enum import Enum

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from qwenq.schemas.errors import StoreAway
from qwenq.server.bodies import json_of
from qwenq.server.callers import Changer, Served
from qwenq.server.chat.asking import ask, completion_of, give_up
from qwenq.server.chat.events import as_events
from qwenq.server.chat.question import question_of, sanitized_question
from qwenq.server.chat.waiting import Waiting
from qwenq.server.documented import ANSWER, ASK, refusals
from qwenq.server.limits import MOST_QUESTION_BYTES, QUESTION_SECONDS
from qwenq.server.refusals import Refused

SANITIZED = "x-qwenq-sanitized"
"""The header that tells what was taken out of a question."""
CLIENT_GONE = 499
"""The status in the log of a request whose client went away."""

router = APIRouter(
    prefix="/v1/chat/completions", tags=["chat"], responses=refusals(404, 408, 409, 413, 429) | ANSWER
)


class _Ending(Enum):
    """Why a question is awaited no more."""

    ENDED = "it has ended"
    GONE = "its client went away"
    LATE = "its time is over"


@router.post("", response_class=Response, openapi_extra=ASK)
async def create(request: Request, service: Served, caller: Changer) -> Response:
    """Ask one question, before all others that wait. With `stream`, the answer comes in one chunk."""
    body = await json_of(request, MOST_QUESTION_BYTES)
    question = await run_in_threadpool(question_of, body)
    if caller.sanitizes:
        question, removed = await run_in_threadpool(sanitized_question, question)
        if removed:
            told = ", ".join(f"{kind}={count}" for kind, count in sorted(removed.items()))
            request.state.headers = {**request.state.headers, SANITIZED: told}
    waiting: Waiting = request.app.state.waiting
    with waiting.place(caller.tenant):
        job_id = await run_in_threadpool(ask, service, request.app.state.announcer, caller, question)
        request.state.object, request.state.sha256 = question.id, question.sha256
        try:
            ending = await _wait(request, waiting, job_id)
        except asyncio.CancelledError:
            # Not in a thread: a task that is cancelled cannot wait for one.
            with suppress(StoreAway):
                give_up(service, caller, question, job_id)
            raise
        if ending is not _Ending.ENDED and await run_in_threadpool(
            give_up, service, caller, question, job_id
        ):
            if ending is _Ending.GONE:
                return Response(status_code=CLIENT_GONE)
            message = f"There was no answer within {QUESTION_SECONDS:.0f} seconds. The request was cancelled."
            raise Refused(408, message, code="request_timeout", kind="timeout", retry=False)
        completion = await run_in_threadpool(completion_of, service, question, job_id)
    if question.is_streamed:
        events = as_events(completion, with_usage=question.with_usage)
        return Response(events, media_type="text/event-stream", headers={"cache-control": "no-cache"})
    return JSONResponse(completion)


async def _wait(request: Request, waiting: Waiting, job_id: int) -> _Ending:
    gone = asyncio.ensure_future(_gone(request))
    try:
        with waiting.ended(job_id) as ended:
            await asyncio.wait({gone, ended}, timeout=QUESTION_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return _Ending.ENDED
            return _Ending.GONE if gone.done() else _Ending.LATE
    finally:
        gone.cancel()


async def _gone(request: Request) -> None:
    """Return when the client has gone away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
