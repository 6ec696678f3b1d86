"""Writes lines as JSONL and as CSV."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO, TextIOWrapper
from itertools import count
from typing import Any, BinaryIO

import orjson
from pydantic import BaseModel

from qwenq.exporting.sheets import Line, Sheet


def as_jsonl(lines: Iterable[BaseModel]) -> str:
    """Format lines as a JSONL file holds them."""
    return "".join(_json_line(line).decode() for line in lines)


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
    del sheet
    written = 0
    for line in lines:
        output.write(_json_line(line))
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


def _json_line(line: BaseModel) -> bytes:
    return orjson.dumps(line.model_dump(mode="json"), option=orjson.OPT_APPEND_NEWLINE)


def _cells(lines: Iterable[Line], sheet: Sheet[Line]) -> Iterator[list[Any]]:
    return ([_cell(value) for value in sheet.row_of(line)] for line in lines)


def _cell(value: Any) -> Any:
    """Write booleans as in JSON."""
    return value if not isinstance(value, bool) else "true" if value else "false"
