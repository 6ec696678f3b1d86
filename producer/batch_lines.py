"""Lines of OpenAI's Batch API, held to its rules: the whole file is checked before a line of it is stored."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, line_batches
from qwenq.producer.reading.rules import RowRules, checked_id
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import BatchFault

MOST_FAULTS = 100
_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_ID_BYTES = 12
"""Of the digest of an id: ids are compared by digests, which bounds their memory."""


@dataclass(slots=True)
class CheckedLines:
    """What is known of a file of lines: its number of lines, its model, and what is wrong with it."""

    total: int = 0
    model: str | None = None
    faults: list[BatchFault] = field(default_factory=list)


def check_lines(blocks: Iterable[bytes], endpoint: Endpoint, most: int) -> CheckedLines:
    """Check a file of at most `most` lines. With faults, the batch fails; only the first MOST_FAULTS are kept."""
    checked = CheckedLines()
    seen: set[bytes] = set()
    for number, line in _numbered(blocks):
        checked.total += 1
        if checked.total > most:
            checked.faults.append(
                BatchFault("too_many_tasks", f"A batch may have at most {most:,} requests.")
            )
            break
        fault = _fault_in(line, number, endpoint, checked, seen)
        if fault is not None:
            checked.faults.append(fault)
            if len(checked.faults) >= MOST_FAULTS:
                break
    if not checked.total:
        checked.faults.append(BatchFault("empty_file", "The input file is empty."))
    return checked


def batch_rows(blocks: Iterable[bytes]) -> Iterator[Row]:
    """The rows of a file that was checked. A line that cannot be honoured is a bad row."""
    rules = RowRules(PromptSpec(), GenerationParams())
    for number, line in _numbered(blocks):
        row = orjson.loads(line)
        try:
            rules.check(row)
        except (InvalidRow, InvalidOverride) as error:
            yield BadRow.from_raw(0, number, line, error.reason, type(error).code, row["custom_id"])
        else:
            yield Document(row["custom_id"], 0, number, line.decode().strip())


def _numbered(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, without blank ones, and without a byte order mark."""
    number = 0
    for batch in line_batches(blocks):
        for line in batch:
            number += 1
            text = line.removeprefix(_MARK) if number == 1 else line
            if text and not text.isspace():
                yield number, text


def _fault_in(
    line: bytes, number: int, endpoint: Endpoint, checked: CheckedLines, seen: set[bytes]
) -> BatchFault | None:
    """Why a line fails the whole batch; None if it does not."""
    if len(line) > LINE_LIMIT:
        return BatchFault("invalid_json_line", f"This line is {OVER_LONG}.", number)
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        is_utf16 = number == 1 and line.startswith(_UTF16_MARKS)
        more = " The file is UTF-16; it must be UTF-8." if is_utf16 else ""
        return BatchFault("invalid_json_line", f"This line is not parseable as valid JSON.{more}", number)
    if not isinstance(row, dict):
        return BatchFault("invalid_json_line", "This line is not a JSON object.", number)
    for name in ("custom_id", "method", "url", "body"):
        if row.get(name) is None:
            message = f"Missing required parameter: '{name}'."
            return BatchFault("missing_required_parameter", message, number, name)
    return next((fault for check in _CHECKS if (fault := check(row, number, endpoint, checked, seen))), None)


def _id_fault(
    row: dict[str, Any], number: int, _endpoint: Endpoint, _checked: CheckedLines, seen: set[bytes]
) -> BatchFault | None:
    custom_id = row["custom_id"]
    if not isinstance(custom_id, str) or not custom_id:
        message = "Invalid type for 'custom_id': expected a non-empty string."
        return BatchFault("invalid_type", message, number, "custom_id")
    try:
        checked_id(custom_id)
    except InvalidRow as error:
        return BatchFault("invalid_value", f"Invalid 'custom_id': {error.reason}.", number, "custom_id")
    digest = blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).digest()
    if digest in seen:
        message = f"The custom_id '{custom_id}' is a duplicate of that of another request; it must be unique."
        return BatchFault("duplicate_custom_id", message, number, "custom_id")
    seen.add(digest)
    return None


def _route_fault(
    row: dict[str, Any], number: int, endpoint: Endpoint, _checked: CheckedLines, _seen: set[bytes]
) -> BatchFault | None:
    if row["method"] != "POST":
        return BatchFault("invalid_value", "Invalid 'method': it must be 'POST'.", number, "method")
    if row["url"] != endpoint:
        message = "The URL provided for this request does not match the batch endpoint."
        return BatchFault("invalid_url", message, number, "url")
    return None


def _body_fault(
    row: dict[str, Any], number: int, endpoint: Endpoint, checked: CheckedLines, _seen: set[bytes]
) -> BatchFault | None:
    body = row["body"]
    if not isinstance(body, dict):
        return BatchFault("invalid_type", "Invalid type for 'body': expected an object.", number, "body")
    model = body.get("model")
    if not isinstance(model, str) or not model:
        return BatchFault("invalid_request", "Model parameter is required.", number, "body.model")
    if checked.model is None:
        checked.model = model
    elif model != checked.model:
        message = f"All requests of a batch must have the same model; the first has '{checked.model}'."
        return BatchFault("model_mismatch", message, number, "body.model")
    asked = endpoint.asked
    if body.get(asked) is None:
        message = f"{asked.capitalize()} parameter is required."
        return BatchFault("invalid_request", message, number, f"body.{asked}")
    if body.get("stream"):
        message = f"{endpoint.words}: Streaming is not supported in the Batch API."
        return BatchFault("streaming_unsupported", message, number, "body.stream")
    return None


_Check = Callable[[dict[str, Any], int, Endpoint, CheckedLines, set[bytes]], BatchFault | None]
_CHECKS: tuple[_Check, ...] = (_id_fault, _route_fault, _body_fault)
