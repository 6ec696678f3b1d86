"""Writes answers and errors as OpenAI's Batch API does, so that programs that read its output files take them."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import orjson
from pydantic import BaseModel

from qwenq.exporting.blamed import openai_code, param_of
from qwenq.exporting.openai_bodies import answer_body
from qwenq.exporting.sheets import Line, Sheet
from qwenq.schemas.results import ErrorLine, Result
from qwenq.schemas.service.endpoints import Endpoint

OPENAI_ENDING = ".openai.jsonl"
_OURS = frozenset({"out_of_memory", "generation_error", "poison"})
"""Codes of failures that are not the request's own fault."""


def write_openai(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write each answer and each error as a line of OpenAI's; columns do not matter. Returns the number of lines."""
    del sheet
    written = 0
    for text in as_openai(lines):
        output.write(text.encode())
        written += 1
    return written


def as_openai(lines: Iterable[Line]) -> Iterator[str]:
    """Format each answer and each error as a line of OpenAI's, with its end."""
    now = int(time.time())
    for line in lines:
        yield orjson.dumps(_openai_line(line, now), option=orjson.OPT_APPEND_NEWLINE).decode()


def _openai_line(line: BaseModel, now: int) -> dict[str, Any]:
    match line:
        case Result():
            return answer_line(line, now)
        case ErrorLine():
            return error_line(line)
    return line.model_dump(mode="json")  # OpenAI has nothing like it


def answer_line(result: Result, created: int, endpoint: Endpoint = Endpoint.CHAT) -> dict[str, Any]:
    """An answer as a line with the body of its endpoint; `created` is in seconds since 1970."""
    digest = _digest(result.custom_id)
    return _line(digest, result.custom_id, 200, answer_body(result, digest, created, endpoint), None)


def error_line(error: ErrorLine, endpoint: Endpoint = Endpoint.CHAT) -> dict[str, Any]:
    """A failure as a line with OpenAI's error in the body, and once more beside it, where other servers have it."""
    code, message = error.error.code, error.error.message
    if error.custom_id is None:
        message = f"line {error.line}: {message}"
    ours = code in _OURS
    kind = "server_error" if ours else "invalid_request_error"
    param = param_of(error.error, endpoint)
    body = {"error": {"message": message, "type": kind, "param": param, "code": openai_code(error.error)}}
    digest = _digest(error.custom_id or f"line {error.line}")
    return _line(digest, error.custom_id, 500 if ours else 400, body, {"code": code, "message": message})


def unasked_line(custom_id: str, code: str, message: str) -> dict[str, Any]:
    """A document that was never asked about, since its batch was cancelled or expired."""
    line = _line(_digest(custom_id), custom_id, 0, {}, {"code": code, "message": message})
    return {**line, "response": None}


def _line(
    digest: str, custom_id: str | None, status: int, body: dict[str, Any], error: dict[str, str] | None
) -> dict[str, Any]:
    response = {"status_code": status, "request_id": f"req_{digest}", "body": body}
    return {"id": f"batch_req_{digest}", "custom_id": custom_id, "response": response, "error": error}


def _digest(custom_id: str) -> str:
    return hashlib.sha256(custom_id.encode()).hexdigest()[:24]
