"""Results into files: JSONL or CSV by the file's ending, written aside and then renamed, so never half there."""

import csv
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

import orjson
from pydantic import BaseModel

from schemas.errors import OutputNotWritable
from schemas.results import ErrorLine, HistoryLine, Result

RESULT_COLUMNS = (
    "custom_id", "text", "reasoning", "finish_reason",
    "prompt_tokens", "completion_tokens", "reasoning_tokens", "prefix_tokens", "model", "reused",
)  # fmt: skip
ERROR_COLUMNS = ("custom_id", "line", "code", "message", "attempts")
HISTORY_COLUMNS = ("custom_id", "line", "round", "code", "message", "failed_at")

Line = TypeVar("Line", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Sheet(Generic[Line]):
    """How lines of one kind look in a CSV."""

    columns: tuple[str, ...]
    row_of: Callable[[Line], tuple[Any, ...]]


def errors_path(results: Path) -> Path:
    """Where errors go when nothing else is said: `out.jsonl` has `out.errors.jsonl`."""
    return results.with_name(f"{results.name.removesuffix(results.suffix)}.errors.jsonl")


def check_outputs(outputs: Sequence[Path], inputs: Sequence[str] = ()) -> None:
    """Raise OutputNotWritable unless a file can be made at each path, and none is an input or another output."""
    taken = {Path(name).resolve(): "it is an input" for name in inputs}
    for path in outputs:
        _check_ending(path)
        if reason := taken.get(path.resolve()):
            raise OutputNotWritable(path=str(path), reason=reason)
        taken[path.resolve()] = "answers and errors need a file each"
        with _opened_aside(path):
            pass


def write_results(path: Path, results: Iterable[Result]) -> int:
    """Write results as the path's ending says. Returns how many. Raises OutputNotWritable."""
    return _write_file(path, results, _RESULTS)


def write_errors(path: Path, errors: Iterable[ErrorLine]) -> int:
    """Write errors as the path's ending says. Returns how many. Raises OutputNotWritable.

    Without an error there is no file; one that an earlier run left there is removed.
    """
    return _write_file_if_any(path, errors, _ERRORS)


def write_history(path: Path, history: Iterable[HistoryLine]) -> int:
    """Write retried failures as the path's ending says, like errors. Returns how many. Raises OutputNotWritable."""
    return _write_file_if_any(path, history, _HISTORY)


def write_stdout(lines: Iterable[BaseModel]) -> int:
    """Write JSONL to standard output. Returns how many lines."""
    return _write_jsonl(lines, sys.stdout)


def _check_ending(path: Path) -> None:
    if path.suffix.lower() not in {".jsonl", ".ndjson", ".csv"}:
        raise OutputNotWritable(path=str(path), reason="its name must end in .jsonl or .csv")


def _write_file_if_any(path: Path, lines: Iterable[Line], sheet: _Sheet[Line]) -> int:
    _check_ending(path)
    coming = iter(lines)
    first = next(coming, None)
    if first is None:
        path.unlink(missing_ok=True)
        return 0
    return _write_file(path, chain((first,), coming), sheet)


def _write_file(path: Path, lines: Iterable[Line], sheet: _Sheet[Line]) -> int:
    _check_ending(path)
    with _opened_aside(path) as (output, aside):
        is_csv = path.suffix.lower() == ".csv"
        count = _write_csv(lines, sheet, output) if is_csv else _write_jsonl(lines, output)
        output.flush()
        os.fsync(output.fileno())
        aside.replace(path)
    return count


@contextmanager
def _opened_aside(path: Path) -> Iterator[tuple[TextIO, Path]]:
    """A new file beside `path`, gone at the end unless it was renamed."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists() and not path.is_file():
            raise OutputNotWritable(path=str(path), reason="it is there, and is no file")
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("w", encoding="utf-8", newline="") as output:
            yield output, aside
    except OSError as error:
        raise OutputNotWritable(path=str(path), reason=error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            aside.unlink()


def _write_jsonl(lines: Iterable[BaseModel], output: TextIO) -> int:
    count = 0
    for line in lines:
        output.write(orjson.dumps(line.model_dump(mode="json")).decode() + "\n")
        count += 1
    return count


def _write_csv(lines: Iterable[Line], sheet: _Sheet[Line], output: TextIO) -> int:
    writer = csv.writer(output)
    writer.writerow(sheet.columns)
    count = 0
    for line in lines:
        writer.writerow(sheet.row_of(line))
        count += 1
    return count


def _result_row(result: Result) -> tuple[Any, ...]:
    usage = result.usage
    return (
        result.custom_id, result.text, result.reasoning, result.finish_reason,
        usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.prefix_tokens, result.model,
        "true" if result.reused else "false",
    )  # fmt: skip


def _error_row(error: ErrorLine) -> tuple[Any, ...]:
    return error.custom_id, error.line, error.error.code, error.error.message, error.attempts


def _history_row(line: HistoryLine) -> tuple[Any, ...]:
    return (
        line.custom_id, line.line, line.round, line.error.code, line.error.message, line.failed_at.isoformat(),
    )  # fmt: skip


_RESULTS = _Sheet(RESULT_COLUMNS, _result_row)
_ERRORS = _Sheet(ERROR_COLUMNS, _error_row)
_HISTORY = _Sheet(HISTORY_COLUMNS, _history_row)
