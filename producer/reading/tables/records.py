"""Rows that come as values by column, not as text: of Parquet, spreadsheets, and files that are one document."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, bad_row
from qwenq.producer.reading.rows import RowRules
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow


def row_of(source: int, number: int, columns: Mapping[str, Any], rules: RowRules, own_id: str) -> Row:
    """A row of the input, good or bad; `own_id` is for one that has none.

    Dates are written as ISO 8601, exact decimals as text, bytes as the UTF-8 text that they hold.
    """
    try:
        content = _json(columns)
        # The rules see what is stored.
        stored = orjson.loads(content)
        custom_id = rules.custom_id(stored) or own_id
        rules.check(stored)
    except (InvalidRow, InvalidOverride) as error:
        return bad_row(source, number, _shown(columns), error.reason, error.code)
    return Document(custom_id, source, number, content.decode())


def _json(columns: Mapping[str, Any]) -> bytes:
    try:
        content = orjson.dumps(columns, default=_plain)
    except orjson.JSONEncodeError as error:
        raise InvalidRow(reason=f"a value cannot be written as text: {error.__cause__ or error}") from None
    if len(content) > LINE_LIMIT:
        raise InvalidRow(reason=OVER_LONG)
    return content


def _plain(value: object) -> str:
    match value:
        case bytes():
            return value.decode()
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case timedelta():
            return str(value)
    raise TypeError(type(value).__name__)


def _shown(columns: Mapping[str, Any]) -> bytes:
    """A bad row for people to find it by."""
    return "\t".join(str(value)[:LINE_LIMIT] for value in columns.values()).encode(
        "utf-8", "backslashreplace"
    )


def first_line(error: Exception) -> str:
    """What a library says is wrong, as far as it fits into a sentence."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
