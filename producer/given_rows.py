"""Rows that a program gives: any iterable of mappings, or a DataFrame of pandas or polars. Neither is imported."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow

ROWS_NAME = "rows"
"""Names such an input where others have the name of their file."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def is_frame(given: object) -> bool:
    """Whether this is a DataFrame of pandas or polars, by what it can do."""
    return hasattr(given, "columns") and (hasattr(given, "iter_rows") or hasattr(given, "itertuples"))


def read_given(given: Any, rules: RowRules) -> Iterator[Row]:
    """The rows of an iterable or a DataFrame, one at a time. Their lines are their numbers, from 1.

    Dates become text as in ISO 8601, decimals, durations and paths their usual text, NaN and missing values null. A row
    with a value of another type that JSON lacks is a bad row.
    """
    for number, row in enumerate(_mappings(given), start=1):
        yield _row(number, row, rules)


def _mappings(given: Any) -> Iterator[Any]:
    if not is_frame(given):
        yield from given
        return
    if hasattr(given, "iter_rows"):  # polars
        yield from given.iter_rows(named=True)
        return
    names = [str(name) for name in given.columns]
    yield from (dict(zip(names, values, strict=True)) for values in given.itertuples(index=False, name=None))


def _row(number: int, row: Any, rules: RowRules) -> Row:
    try:
        if not isinstance(row, Mapping):
            reason = f"it is a {type(row).__name__}; a row is a dict of columns, such as {{'text': 'Hello'}}"
            raise InvalidRow(reason=reason)  # noqa: TRY301
        content = _as_json({str(name): value for name, value in row.items()})
        if len(content) > LINE_LIMIT:
            raise InvalidRow(reason=OVER_LONG)  # noqa: TRY301
        columns = orjson.loads(content)
        custom_id = rules.custom_id(columns) or str(number)
        rules.check(columns)
    except (InvalidRow, InvalidOverride) as error:
        shown = rules.shown_id(row) if isinstance(row, Mapping) else None
        raw = repr(row)[:LINE_LIMIT].encode("utf-8", "backslashreplace")
        return BadRow.from_raw(0, number, raw, error.reason, error.code, shown)
    return Document(custom_id, 0, number, content.decode())


def _as_json(columns: dict[str, Any]) -> bytes:
    try:
        try:
            return orjson.dumps(columns, default=_plain, option=_OPTIONS)
        except TypeError:  # perhaps a whole number above 64 bits
            return json.dumps(columns, default=_plain, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRow(reason=f"a value cannot be written as JSON: {error}") from None


def _plain(value: Any) -> Any:
    """Convert a value that JSON lacks to a JSON value. Raises TypeError, and ValueError for bytes that are not text."""
    # pandas' NA refuses to be compared, and its NaT has a date's methods.
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):  # numpy's
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (Decimal, timedelta, PurePath)):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not one of JSON's types")
