"""Lines as JSONL and as CSV."""

import csv
from collections.abc import Iterable, Iterator
from io import StringIO, TextIOWrapper
from itertools import count
from typing import Any, BinaryIO

import orjson
from pydantic import BaseModel

from qwenq.exporting.sheets import Line, Sheet


def as_jsonl(lines: Iterable[BaseModel]) -> str:
    """Some lines as they stand in a JSONL file."""
    return "".join(_json_line(line).decode() for line in lines)


def as_csv(lines: Iterable[Line], sheet: Sheet[Line]) -> str:
    """Some lines as they stand in a CSV file, below its heading."""
    output = StringIO()
    csv.writer(output).writerows(_cells(lines, sheet))
    return output.getvalue()


def csv_heading(sheet: Sheet[Line]) -> str:
    """The first line of a CSV file."""
    output = StringIO()
    csv.writer(output).writerow(sheet.columns)
    return output.getvalue()


def write_jsonl(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write lines whole, as JSON, whatever the sheet says of columns. Returns how many."""
    del sheet
    written = 0
    for line in lines:
        output.write(_json_line(line))
        written += 1
    return written


def write_csv(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write a heading and a row a line. Returns how many lines."""
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
    """Truth values as JSON has them."""
    return value if not isinstance(value, bool) else "true" if value else "false"
