"""Writes answers, errors, history and parts of a job; the file's ending chooses JSONL, CSV or Parquet."""

import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path, PurePath
from typing import Any

from pydantic import BaseModel

from qwenq.exporting.destinations import Address, destination_of
from qwenq.exporting.formulas import without_formulas
from qwenq.exporting.parquet import require_pyarrow, write_parquet
from qwenq.exporting.plain_text import as_jsonl, write_csv, write_jsonl
from qwenq.exporting.sheets import ERRORS, HISTORY, PARTS, Line, Sheet, results_sheet
from qwenq.schemas.errors import OutputNotWritable
from qwenq.schemas.log.visible import visible_json
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result

_WRITERS: dict[str, Callable[..., int]] = {
    ".jsonl": write_jsonl,
    ".ndjson": write_jsonl,
    ".csv": write_csv,
    ".parquet": write_parquet,
}


def errors_path(results: Address) -> str:
    """The default path for errors: `out.errors.jsonl` for `out.jsonl`."""
    return f"{str(results).removesuffix(PurePath(results).suffix)}.errors.jsonl"


def check_outputs(outputs: Sequence[Address], inputs: Sequence[str] = ()) -> None:
    """Check that each output can be written, and that it is no input and no other output.

    Raises OutputNotWritable, and MissingExtra if a package is not installed.
    """
    taken = {str(Path(name).resolve()): "it is an input" for name in inputs} | dict.fromkeys(
        inputs, "it is an input"
    )
    for address in outputs:
        if _writer_for(address) is write_parquet:
            require_pyarrow()
        destination = destination_of(address)
        if reason := taken.get(destination.place):
            raise OutputNotWritable(path=str(address), reason=reason)
        taken[destination.place] = "answers and errors need separate files"
        destination.check()


def write_results(
    address: Address, results: Iterable[Result], schema_text: str | None = None, *, csv_safe: bool = False
) -> int:
    """Write results in the format of the address's ending. Returns how many. Raises OutputNotWritable, MissingExtra.

    In CSV and Parquet, the top-level properties of the job's JSON schema are columns. With `csv_safe`, no cell of a CSV
    file is a formula to a spreadsheet; this holds for the functions below, too.
    """
    return _write(address, results, results_sheet(schema_text), csv_safe=csv_safe)


def write_errors(address: Address, errors: Iterable[ErrorLine], *, csv_safe: bool = False) -> int:
    """Write errors in the format of the address's ending. Returns how many. Raises OutputNotWritable, MissingExtra.

    Without errors no file is written, and an old file at the address is removed.
    """
    return _write_if_any(address, errors, ERRORS, csv_safe=csv_safe)


def write_history(address: Address, history: Iterable[HistoryLine], *, csv_safe: bool = False) -> int:
    """Write failures of earlier rounds, like errors. Returns how many."""
    return _write_if_any(address, history, HISTORY, csv_safe=csv_safe)


def write_parts(address: Address, parts: Iterable[PartLine], *, csv_safe: bool = False) -> int:
    """Write answers to parts of long documents, like errors. Returns how many."""
    return _write_if_any(address, parts, PARTS, csv_safe=csv_safe)


def write_stdout(lines: Iterable[BaseModel]) -> int:
    """Write JSONL to standard output; on a terminal with control characters as escapes. Returns the number of lines."""
    count = 0
    is_terminal = sys.stdout.isatty()
    for line in lines:
        text = as_jsonl((line,))
        sys.stdout.write(visible_json(text) if is_terminal else text)
        count += 1
    return count


def _writer_for(address: Address) -> Callable[..., int]:
    writer = _WRITERS.get(PurePath(address).suffix.lower())
    if writer is None:
        raise OutputNotWritable(path=str(address), reason="its name must end in .jsonl, .csv or .parquet")
    return writer


def _write_if_any(address: Address, lines: Iterable[Line], sheet: Sheet[Any], *, csv_safe: bool) -> int:
    _writer_for(address)
    coming = iter(lines)
    first = next(coming, None)
    if first is None:
        destination_of(address).remove()
        return 0
    return _write(address, chain((first,), coming), sheet, csv_safe=csv_safe)


def _write(address: Address, lines: Iterable[Line], sheet: Sheet[Line], *, csv_safe: bool) -> int:
    write = _writer_for(address)
    if csv_safe and write is write_csv:
        sheet = without_formulas(sheet)
    with destination_of(address).writing() as output:
        return write(lines, sheet, output)
