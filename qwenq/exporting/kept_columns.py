"""Columns of the input that go along in the files of answers and errors (`--keep-columns`)."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import orjson

from qwenq.exporting.sheets import OwnLine, Sheet
from qwenq.exporting.style import KeepColumns
from qwenq.schemas.errors import InvalidParameter, OutputNotWritable
from qwenq.schemas.json_schema.answer_columns import ColumnKind, names_beside

PREFIX = "input."
"""Begins the name of a column whose own name the file needs itself."""
MOST_COLUMNS = 16_000
CHECKED_ROWS = 100
NAMED_COLUMNS = 30
_LONG_NUMBER = re.compile("[0-9]{16}")
_LARGEST = 2**63
_KINDS = {
    frozenset({str}): ColumnKind.STRING,
    frozenset({bool}): ColumnKind.BOOLEAN,
    frozenset({int}): ColumnKind.INTEGER,
    frozenset({float}): ColumnKind.NUMBER,
    frozenset({int, float}): ColumnKind.NUMBER,
}


@dataclass(frozen=True, slots=True)
class KeptColumn:
    """A column of a table that shows the column `key` of the input."""

    name: str
    key: str
    kind: ColumnKind


def check_kept(keep: KeepColumns, rows: Iterable[str]) -> None:
    """Raise InvalidParameter if no row has one of the columns to keep. `rows` are the first rows, as JSON."""
    if keep is None or keep == "all":
        return
    found = {name: None for row in rows for name in columns_of(row)}
    missing = next((name for name in keep if name not in found), None)
    if found and missing is not None:
        shown = ", ".join(list(found)[:NAMED_COLUMNS]) + (", …" if len(found) > NAMED_COLUMNS else "")
        reason = f"no document has a column {missing!r}; the columns are: {shown}"
        raise InvalidParameter(name="--keep-columns", reason=reason)


def table_columns(
    address: object, keep: KeepColumns, taken: Collection[str], rows: Iterable[str]
) -> Sequence[KeptColumn]:
    """The columns to keep in a table, found by reading all rows. Memory does not grow with their number.

    Values of several types in one column become text. Raises OutputNotWritable for too many columns.
    """
    types: dict[str, set[type]] = {} if keep == "all" else {name: set() for name in keep or ()}
    for row in rows:
        for key, value in columns_of(row).items():
            if key in types:
                types[key].add(_type_of(value))
            elif keep == "all":
                types[key] = {_type_of(value)}
        if len(types) > MOST_COLUMNS:
            reason = (
                f"the documents have more than {MOST_COLUMNS:,} different columns; name those to keep with "
                "--keep-columns a,b, or write .jsonl"
            )
            raise OutputNotWritable(path=str(address), reason=reason)
    names = names_beside(taken, types, PREFIX)
    return [
        KeptColumn(names[key], key, _KINDS.get(frozenset(found - {type(None)}), ColumnKind.STRING))
        for key, found in types.items()
    ]


def with_columns(sheet: Sheet[OwnLine], columns: Sequence[KeptColumn]) -> Sheet[OwnLine]:
    """The same table with these columns after the first, the id."""
    first, *others = sheet.kinds.items()
    kinds = dict([first, *((column.name, column.kind) for column in columns), *others])

    def row_of(line: OwnLine) -> tuple[Any, ...]:
        custom_id, *values = sheet.row_of(line)
        own: dict[str, Any] = columns_of(line.row)
        return (custom_id, *(_as_kind(own.get(column.key), column.kind) for column in columns), *values)

    return replace(sheet, kinds=kinds, row_of=row_of)


def with_members(sheet: Sheet[OwnLine], keep: KeepColumns) -> Sheet[OwnLine]:
    """The same lines as JSON, with a member for each column to keep. With `all`, a row shows only its own columns."""
    taken = sheet.taken

    def members_of(line: OwnLine) -> dict[str, Any]:
        own = columns_of(line.row)
        keys = tuple(own) if keep == "all" else keep or ()
        names = _names(taken, keys)
        return {names[key]: own.get(key) for key in keys}

    return replace(sheet, members_of=members_of)


def columns_of(row: str | None) -> dict[str, Any]:
    """The columns of a row, with whole numbers of any size; none of a row that is not a JSON object, as bad rows."""
    if row is None:
        return {}
    try:
        # orjson makes a float of a whole number above 64 bits.
        value = json.loads(row) if _LONG_NUMBER.search(row) else orjson.loads(row)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


@lru_cache(maxsize=1_000)
def _names(taken: frozenset[str], keys: tuple[str, ...]) -> Mapping[str, str]:
    return names_beside(taken, keys, PREFIX)


def _type_of(value: Any) -> type:
    """The type of a value; that of a text for a whole number that no column of numbers can hold."""
    is_long = type(value) is int and not -_LARGEST <= value < _LARGEST
    return str if is_long else type(value)


def _as_kind(value: Any, kind: ColumnKind) -> Any:
    """A value as its column shows it: in a column of text, anything but text as JSON."""
    if value is None or kind is not ColumnKind.STRING or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
