"""A row that is given as JSON values by column: from Parquet, a spreadsheet, or a file that is one document."""

from collections.abc import Mapping
from typing import Any

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow


def row_from_columns(
    source: int, number: int, columns: Mapping[str, Any], rules: RowRules, own_id: str
) -> Row:
    """Make a document or a bad row; `own_id` is the id of a row that has none."""
    try:
        content = _json(columns)
        custom_id = rules.custom_id(columns) or own_id
        rules.check(columns)
    except (InvalidRow, InvalidOverride) as error:
        shown_id = rules.shown_id(columns)
        return BadRow.from_raw(source, number, _shown(columns), error.reason, error.code, shown_id)
    return Document(custom_id, source, number, content.decode())


def _json(columns: Mapping[str, Any]) -> bytes:
    try:
        content = orjson.dumps(columns)
    except orjson.JSONEncodeError as error:
        raise InvalidRow(reason=f"a value cannot be written as text: {error}") from None
    if len(content) > LINE_LIMIT:
        raise InvalidRow(reason=OVER_LONG)
    return content


def _shown(columns: Mapping[str, Any]) -> bytes:
    """The row as people would look for it."""
    return "\t".join(str(value)[:LINE_LIMIT] for value in columns.values()).encode(
        "utf-8", "backslashreplace"
    )
