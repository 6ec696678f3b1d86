"""Writes lines as JSONL and as CSV."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from io import StringIO, TextIOWrapper
from itertools import count
from typing import Any, BinaryIO

import orjson

from qwenq.exporting.sheets import Line, Sheet


def as_jsonl(lines: Iterable[Line], sheet: Sheet[Line] | None = None) -> str:
    """Format lines as a JSONL file holds them."""
    members_of = sheet.members_of if sheet else None
    return "".join(_json_line(line, members_of).decode() for line in lines)


def as_csv(lines: Iterable[Line], sheet: Sheet[Line]) -> str:
    """Format lines as a CSV file holds them, without the heading."""
    output = StringIO()
    csv.writer(output).writerows(_cells(lines, sheet))
    return output.getvalue()


def csv_heading(sheet: Sheet[Line]) -> str:
    """Format the first line of a CSV file."""
    output = StringIO()
    csv.writer(output).writerow(sheet.columns)
    return output.getvalue()


def write_jsonl(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write each line as JSON; columns do not matter. Returns the number of lines."""
    written = 0
    for line in lines:
        output.write(_json_line(line, sheet.members_of))
        written += 1
    return written


def write_csv(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write a heading and a row for each line. Returns the number of lines."""
    text = TextIOWrapper(output, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(sheet.columns)
    counted = count()
    writer.writerows(row for row, _ in zip(_cells(lines, sheet), counted, strict=False))
    text.detach()
    return next(counted)


def _json_line(line: Line, members_of: Callable[[Line], dict[str, Any]] | None) -> bytes:
    """The line's members; further ones stand behind the first, the id."""
    members = line.model_dump(mode="json")
    if members_of is not None:
        first = next(iter(members))
        members = {first: members.pop(first), **members_of(line), **members}
    try:
        return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:  # a whole number above 64 bits, or a value that is nested deep
        return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _cells(lines: Iterable[Line], sheet: Sheet[Line]) -> Iterator[list[Any]]:
    return ([_cell(value) for value in sheet.row_of(line)] for line in lines)


def _cell(value: Any) -> Any:
    """Write booleans as in JSON."""
    return value if not isinstance(value, bool) else "true" if value else "false"
