"""Rows that a program gives: any iterable of mappings, or a DataFrame of pandas or polars. Neither is imported."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from math import isfinite
from pathlib import PurePath
from typing import Any
from uuid import UUID

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidParameter, InvalidRow

ROWS_NAME = "rows"
"""Names such an input where others have the name of their file."""
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS


def is_frame(given: object) -> bool:
    """Whether this is a DataFrame of pandas or polars, by what it can do."""
    # Asked last: the columns of polars' LazyFrame are expensive.
    return (hasattr(given, "iter_rows") or hasattr(given, "itertuples")) and hasattr(given, "columns")


def read_given(given: Any, rules: RowRules) -> Iterator[Row]:
    """The rows of an iterable or a DataFrame, one at a time. Their lines are their numbers, from 1.

    Dates become text as in ISO 8601, decimals, durations and paths their usual text, NaN and missing values null. A row
    with a value of another type that JSON lacks is a bad row.
    """
    rules.begin_input()
    for number, row in enumerate(_mappings(given), start=1):
        yield _row(number, row, rules)


def _mappings(given: Any) -> Iterator[Any]:
    if not is_frame(given):
        yield from given
        return
    # The index of a DataFrame of pandas, if it has a name, is a column as well.
    if any(name is not None for name in getattr(getattr(given, "index", None), "names", ())):
        given = given.reset_index()
    names = [str(name) for name in given.columns]
    if repeated := _repeated(names):
        reason = f"the DataFrame has two columns {repeated!r}; rename or drop one of them"
        raise InvalidParameter(name="documents", reason=reason)
    narrow = _narrow_columns(given)
    rows = given.iter_rows() if hasattr(given, "iter_rows") else given.itertuples(index=False, name=None)
    for values in rows:
        row = dict(zip(names, values, strict=True))
        row.update((name, _shortest(row[name], kind)) for name, kind in narrow)
        yield row


def _repeated(names: Iterable[str]) -> str | None:
    return next((name for name, times in Counter(names).items() if times > 1), None)


def _narrow_columns(frame: Any) -> list[tuple[str, str]]:
    """The columns with floats of 16 or 32 bits, and numpy's name of these."""
    kinds = {
        "float32": "float32",
        "float[pyarrow]": "float32",
        "float16": "float16",
        "halffloat[pyarrow]": "float16",
    }
    found = (
        (str(name), kinds.get(str(kind).lower()))
        for name, kind in zip(frame.columns, frame.dtypes, strict=True)
    )
    return [(name, kind) for name, kind in found if kind is not None]


def _shortest(value: Any, kind: str) -> Any:
    """A float as it prints: a DataFrame gives 0.1 of 32 bits as 0.10000000149011612."""
    if not isinstance(value, float):
        return value
    import numpy as np

    return float(str(getattr(np, kind)(value)))


def _row(number: int, row: Any, rules: RowRules) -> Row:
    try:
        if not isinstance(row, Mapping):
            reason = f"it is a {type(row).__name__}; a row is a dict of columns, such as {{'text': 'Hello'}}"
            raise InvalidRow(reason=reason)  # noqa: TRY301
        if repeated := _repeated(map(str, row)):
            raise InvalidRow(reason=f"two of its columns are called {repeated!r}")  # noqa: TRY301
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
            return json.dumps(_without_nan(columns), allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRow(reason=f"a value cannot be written as JSON: {error}") from None


def _without_nan(value: Any) -> Any:
    """A value as `json` can write it, with NaN and infinities as null. Raises what _plain raises."""
    if isinstance(value, Mapping):
        return {str(name): _without_nan(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    plain = _plain(value)
    if type(plain) is type(value):
        raise TypeError(f"{type(value).__name__} is not one of JSON's types")
    return _without_nan(plain)


def _plain(value: Any) -> Any:
    """Convert a value that JSON lacks to a JSON value. Raises TypeError, and ValueError for bytes that are not text."""
    kind = type(value).__name__
    # pandas' NA refuses to be compared, and its NaT has a date's methods.
    if kind in {"NAType", "NaTType"}:
        return None
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return _of_numpy(value)
    if isinstance(value, timedelta):  # pandas' prints differently
        value = str(timedelta(value.days, value.seconds, value.microseconds))
    elif hasattr(value, "isoformat"):
        value = value.isoformat()
    elif isinstance(value, bytes):
        value = value.decode()
    elif isinstance(value, (Decimal, PurePath, UUID)) or kind in {"Period", "Interval"}:  # of pandas
        value = str(value)
    if isinstance(value, str):
        return value
    raise TypeError(f"{kind} is not one of JSON's types")


def _of_numpy(value: Any) -> Any:
    """A scalar or an array of numpy. Left alone, nanoseconds become numbers, and 0.1 becomes 0.10000000149011612."""
    if value.dtype.kind in "mM":
        value = value.astype(f"{value.dtype.kind}8[us]")
    return float(str(value)) if value.dtype.kind == "f" and value.ndim == 0 else value.tolist()
