"""Refusals in OpenAI's shape, and how exceptions become them."""

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from qwenq.schemas.errors import (
    BatchNotCancellable,
    BatchNotChangeable,
    BatchNotDeletable,
    BoundReached,
    FilesAway,
    IdempotencyConflict,
    StoreAway,
    TenantErasing,
    UnknownTenant,
    UnstorableText,
    UploadNotPending,
)
from qwenq.server.bounds.headers import left_headers

INVALID = "invalid_request_error"
RETRY_SECONDS = 5
MOST_RETRY_SECONDS = 120
"""OpenAI's clients do not try again at all after longer waits."""
_CODES = {401: "invalid_api_key", 404: None, 405: "method_not_allowed"}


class Refused(Exception):
    """A request that is refused: its status, and the fields of OpenAI's error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = INVALID,
        retry: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.kind = kind
        self.retry = retry
        self.headers = headers


def refusal(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    kind: str = INVALID,
    retry: bool | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The response. `retry` tells OpenAI's clients whether to try again by themselves."""
    more = dict(headers or {})
    if retry is not None:
        more["x-should-retry"] = "true" if retry else "false"
    if status == 503:  # noqa: PLR2004
        more["retry-after"] = str(RETRY_SECONDS)
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status, more)


def _bound_reached(error: Exception) -> JSONResponse:
    """The refusal of what a bound on stored work does not allow; it says whether waiting helps."""
    if not isinstance(error, BoundReached):
        raise error
    if error.seconds is None:
        return refusal(429, str(error), code="insufficient_quota", kind="insufficient_quota", retry=False)
    what = "tokens" if "tokens" in error.what else "requests"
    wait = {"retry-after": str(max(1, min(math.ceil(error.seconds), MOST_RETRY_SECONDS)))}
    if what == "tokens":
        wait |= left_headers(what, error.most, 0, error.seconds)
    is_soon = error.seconds <= MOST_RETRY_SECONDS
    return refusal(
        429,
        str(error),
        code="rate_limit_exceeded",
        kind=what,
        retry=None if is_soon else False,
        headers=wait,
    )


def no_such(what: str, name: str, param: str = "id") -> Refused:
    """The refusal for what does not exist for the caller, whether it exists for others or not."""
    return Refused(404, f"No such {what} object: {name}", param=param)


def _not_cancellable(error: Exception) -> JSONResponse:
    return refusal(409, f"Cannot cancel a batch with status '{_state(error)}'.", retry=False)


def _not_deletable(error: Exception) -> JSONResponse:
    advice = "Cancel it, and delete it when it has ended."
    return refusal(409, f"Cannot delete a batch with status '{_state(error)}'. {advice}", retry=False)


def _not_changeable(error: Exception) -> JSONResponse:
    return refusal(409, str(error), retry=False)


def _conflicting(error: Exception) -> JSONResponse:
    return refusal(409, str(error), param="idempotency_key", code="idempotency_conflict", retry=False)


def _unstorable(_error: Exception) -> JSONResponse:
    return refusal(400, "The request holds a null character.", code="invalid_value")


def _not_pending(error: Exception) -> JSONResponse:
    return refusal(400, str(error), param="upload_id", code="invalid_value")


def _no_tenant(_error: Exception) -> JSONResponse:
    # Its tenant was erased while the request went on, and its key with it.
    return refusal(401, "Incorrect API key provided.", code=_CODES[401])


_ANSWERS: dict[type[Exception], Callable[[Exception], JSONResponse]] = {
    BatchNotCancellable: _not_cancellable,
    BatchNotChangeable: _not_changeable,
    BatchNotDeletable: _not_deletable,
    BoundReached: _bound_reached,
    IdempotencyConflict: _conflicting,
    TenantErasing: _no_tenant,
    UnknownTenant: _no_tenant,
    UnstorableText: _unstorable,
    UploadNotPending: _not_pending,
}


def _state(error: Exception) -> str:
    return str(getattr(error, "state", ""))


def _answering(answer: Callable[[Exception], JSONResponse]) -> Callable[..., Awaitable[JSONResponse]]:
    async def answering(request: Request, error: Exception) -> JSONResponse:
        response = answer(error)
        request.state.reason = orjson.loads(response.body)["error"]["code"]
        return response

    return answering


def _methods_of(request: Request) -> str:
    """The methods of a path, which may have several routes."""
    path = getattr(request.scope.get("route"), "path_format", "")
    operations = request.app.openapi()["paths"].get(path, {})
    return ", ".join(sorted(method.upper() for method in operations))


def install(application: FastAPI) -> None:
    """Have every exception answered in OpenAI's shape."""

    async def refused(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, Refused):
            raise error
        request.state.reason = error.code
        return refusal(
            error.status,
            error.message,
            param=error.param,
            code=error.code,
            kind=error.kind,
            retry=error.retry,
            headers=error.headers,
        )

    async def http(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        status = error.status_code
        message = "Unknown URL" if status == 404 else str(error.detail)  # noqa: PLR2004
        headers = {"allow": _methods_of(request)} if status == 405 else error.headers  # noqa: PLR2004
        return refusal(status, message, code=_CODES.get(status), headers=headers)

    async def away(_request: Request, _error: Exception) -> JSONResponse:
        # Its message names servers and folders, which concerns operators alone.
        return refusal(503, "A service behind this one is away. Try again.", kind="server_error", retry=True)

    async def unforeseen(_request: Request, _error: Exception) -> JSONResponse:
        return refusal(500, "Internal error", kind="server_error")

    application.add_exception_handler(Refused, refused)
    application.add_exception_handler(HTTPException, http)
    application.add_exception_handler(StoreAway, away)
    application.add_exception_handler(FilesAway, away)
    for kind, answer in _ANSWERS.items():
        application.add_exception_handler(kind, _answering(answer))
    application.add_exception_handler(Exception, unforeseen)
