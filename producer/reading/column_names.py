"""Names and numbers of columns, to show in messages."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

NAMED_COLUMNS = 20
_NAME_CHARS = 40


def named(columns: Mapping[str, Any] | Sequence[str]) -> str:
    """Column names to show: the first twenty, each shortened."""
    shown = ", ".join(map(shortened, islice(columns, NAMED_COLUMNS)))
    more = len(columns) - NAMED_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown or "no columns"


def shortened(name: str) -> str:
    """A column's name to show."""
    return name if len(name) <= _NAME_CHARS else name[:_NAME_CHARS] + "…"


def miscounted(fields: int, columns: int) -> str:
    """The reason of a bad row that has more or fewer fields than the header has columns."""
    problem = "too few" if fields < columns else "too many"
    return f"{problem} fields: {fields}, where the header has {columns}"


def column_name(text: str) -> str:
    """A name in a header without the spaces and byte order marks around it."""
    return text.strip().strip("\ufeff").strip()
