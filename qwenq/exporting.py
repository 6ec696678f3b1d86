"""Results into files: JSONL or CSV by the file's ending, written aside and then renamed, so never half there."""

import csv
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

import orjson
from pydantic import BaseModel

from schemas.errors import OutputNotWritable
from schemas.results import ErrorLine, Result

RESULT_COLUMNS = (
    "custom_id", "text", "reasoning", "finish_reason",
    "prompt_tokens", "completion_tokens", "reasoning_tokens", "model",
)  # fmt: skip
ERROR_COLUMNS = ("custom_id", "line", "code", "message")

Writer = Callable[[Iterable[BaseModel], TextIO], int]


def errors_path(results: Path) -> Path:
    """Where errors go when nothing else is said: `out.jsonl` has `out.errors.jsonl`."""
    return results.with_name(f"{results.name.removesuffix(results.suffix)}.errors.jsonl")


def check_writable(path: Path) -> None:
    """Raise OutputNotWritable unless a file can be made at this path, of a format that is known."""
    _writer_for(path)
    if path.is_dir():
        raise OutputNotWritable(path=str(path), reason="it is a folder")
    with _opened_aside(path) as _:
        pass


def write_file(path: Path, lines: Iterable[BaseModel]) -> int:
    """Write results or errors as the path's ending says. Returns how many. Raises OutputNotWritable."""
    writer = _writer_for(path)
    with _opened_aside(path) as (output, aside):
        count = writer(lines, output)
        output.flush()
        os.fsync(output.fileno())
        aside.replace(path)
    return count


def write_errors(path: Path, errors: Iterable[ErrorLine]) -> int:
    """Write the errors file when there is one error at least; without, remove what an earlier run left there."""
    lines = iter(errors)
    first = next(lines, None)
    if first is None:
        path.unlink(missing_ok=True)
        return 0
    return write_file(path, chain((first,), lines))


def write_stdout(lines: Iterable[BaseModel]) -> int:
    """Write JSONL to standard output. Returns how many lines."""
    return _write_jsonl(lines, sys.stdout)


def _writer_for(path: Path) -> Writer:
    writers: dict[str, Writer] = {".jsonl": _write_jsonl, ".ndjson": _write_jsonl, ".csv": _write_csv}
    if path.suffix.lower() not in writers:
        raise OutputNotWritable(path=str(path), reason="its name must end in .jsonl or .csv")
    return writers[path.suffix.lower()]


@contextmanager
def _opened_aside(path: Path) -> Iterator[tuple[TextIO, Path]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputNotWritable(path=str(path), reason=error.strerror or str(error)) from None
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as output:
            aside.chmod(0o666 & ~_umask())
            yield output, aside
    except OSError as error:
        raise OutputNotWritable(path=str(path), reason=error.strerror or str(error)) from error
    finally:
        aside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _write_jsonl(lines: Iterable[BaseModel], output: TextIO) -> int:
    count = 0
    for line in lines:
        output.write(orjson.dumps(line.model_dump(mode="json")).decode() + "\n")
        count += 1
    return count


def _write_csv(lines: Iterable[BaseModel], output: TextIO) -> int:
    writer = csv.writer(output)
    count = 0
    for line in lines:
        columns, values = _as_row(line)
        if count == 0:
            writer.writerow(columns)
        writer.writerow(values)
        count += 1
    return count


def _as_row(line: BaseModel) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    if isinstance(line, Result):
        usage = line.usage
        return RESULT_COLUMNS, (
            line.custom_id, line.text, line.reasoning, line.finish_reason,
            usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, line.model,
        )  # fmt: skip
    if isinstance(line, ErrorLine):
        return ERROR_COLUMNS, (line.custom_id, line.line, line.error.code, line.error.message)
    raise TypeError(type(line))
