"""Check a JSON schema without the grammar library: its size, and what would be costly or wrong to compile."""

from functools import lru_cache
from typing import Any

import orjson

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.json_schema.answer_check import answer_check
from qwenq.schemas.json_schema.evaluations import check_evaluations
from qwenq.schemas.json_schema.extremes import check_extremes
from qwenq.schemas.json_schema.meeting import check_meeting, objects_in
from qwenq.schemas.json_schema.relaxing import relax

SCHEMA_BYTES = 131_072
SCHEMA_DEPTH = 64  # counted in brackets


def check_schema_text(text: str | None) -> None:
    """Check a row's own schema, for a submit. Raises InvalidSchema; None is no schema."""
    if text is not None and (reason := _fault_of(text)) is not None:
        raise InvalidSchema(reason=reason)


@lru_cache(maxsize=256)
def _fault_of(text: str) -> str | None:
    try:
        checked_schema(text)
    except InvalidSchema as error:
        return error.reason
    return None


def checked_schema(text: str) -> dict[str, Any]:
    """Parse a schema for the grammar library, and check what can be checked quickly. Raises InvalidSchema."""
    size = len(text.encode())
    if size > SCHEMA_BYTES:
        raise InvalidSchema(reason=f"it has {size:,} bytes; at most {SCHEMA_BYTES:,} are allowed")
    try:
        schema = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidSchema(reason=f"it is not JSON: {error}") from None
    if isinstance(schema, bool):
        schema = {} if schema else {"enum": []}
    if not isinstance(schema, dict):
        raise InvalidSchema(reason="a schema is a JSON object")
    if _depth(schema) > SCHEMA_DEPTH:
        raise InvalidSchema(reason=f"it is nested more than {SCHEMA_DEPTH} deep")
    check_evaluations(schema)
    if relax(schema) and (problem := answer_check(text).problem):
        raise InvalidSchema(
            reason=f"its answers must be checked when they are whole, which is not possible: {problem}"
        )
    check_extremes(objects_in(schema))
    check_meeting(schema)
    return schema


def _depth(value: object) -> int:
    """How deep objects and arrays are nested."""
    depth, level = 0, [value]
    while level := [inner for outer in level for inner in _inside(outer)]:
        depth += 1
    return depth


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
