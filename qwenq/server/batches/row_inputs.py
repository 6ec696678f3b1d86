"""The rows of a batch whose input is no list of OpenAI's lines, read as `qwenq submit` reads them.

The file is copied out of the storage under its own name: its ending says what it is, readers need to move about in it,
and read foreign formats in a process of their own.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from qwenq.producer.batch_lines import CheckedLines
from qwenq.producer.opening import open_input
from qwenq.producer.reading import Access
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import (
    FilesAway,
    InputTooLarge,
    MissingExtra,
    MissingPackage,
    NoGoodRow,
    UnknownColumn,
    UnreadableInput,
    UsageError,
    reason_of,
)
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.service.stored import BatchFault, StoredFile
from qwenq.schemas.settings import Settings
from qwenq.server.row_fields import ROW_FIELDS, job_of_rows
from qwenq.store.files.storage import Storage

_FOLDER = "reading"
_ODD = re.compile(r"[^\w .,()+=@-]")
"""Characters that name patterns, folders or URLs."""
_LINE = re.compile(r"\bline ([\d,]+)")
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
_LEFT_SECONDS = 86_400.0
_CODES: Mapping[type[UsageError], tuple[str, str | None]] = {
    UnreadableInput: ("unreadable_file", None),
    NoGoodRow: ("unreadable_file", None),
    UnknownColumn: ("unknown_column", "prompt"),
    InputTooLarge: ("file_too_large", None),
    MissingExtra: ("unsupported_file", None),
    MissingPackage: ("unsupported_file", None),
}
MOST_NOTES = 50


@dataclass(slots=True)
class RowInput:
    """A file of rows at hand. `notes` collects what is found out of it while it is read."""

    spec: JobSpec
    path: Path
    open: Callable[[], Iterator[Row]]
    notes: list[str] = field(default_factory=list)


@contextmanager
def row_input(
    storage: Storage,
    settings: Settings,
    file: StoredFile,
    fields: Mapping[str, Any],
    key: str | None,
    most_tokens: int | None,
) -> Iterator[RowInput]:
    """The rows of a file until the block ends; each `open` reads them anew. Raises FilesAway, Refused, UsageError."""
    request, spec = job_of_rows(settings, fields, file.name, key, most_tokens)
    with _copied(storage, settings, file) as path:
        notes: dict[str, None] = {}

        def tell(note: str) -> None:
            if len(notes) < MOST_NOTES:
                notes[_in_words(path, note)] = None
                found.notes = list(notes)

        def opened() -> Iterator[Row]:
            access = Access(roots=(str(path.parent),), unpacked_bytes=settings.max_job_bytes)
            source = spec.model_copy(update={"sources": (str(path),)})
            _, rows = open_input(
                source, request.format, None, request.sheet, access, request.tables, tell=tell
            )
            return rows

        found = RowInput(spec, path, opened)
        yield found


def check_rows(found: RowInput, most: int) -> CheckedLines:
    """Read all rows once: their number, or why the batch fails."""
    try:
        return _counted(found.open(), most, found.spec.model)
    except UsageError as error:
        return CheckedLines(faults=[fault_of(error, found.path)])


def fault_of(error: UsageError, path: Path) -> BatchFault:
    """What a batch fails with whose input cannot be read."""
    code, param = _CODES.get(type(error), ("invalid_request", None))
    message = _in_words(path, str(error))
    found = _LINE.search(message)
    line = None if found is None else int(found[1].replace(",", ""))
    return BatchFault(code, message, line, param)


def _counted(rows: Iterable[Row], most: int, model: str) -> CheckedLines:
    checked = CheckedLines(model=model)
    for _ in rows:
        checked.total += 1
        if checked.total > most:
            checked.faults.append(
                BatchFault("too_many_tasks", f"A batch may have at most {most:,} requests.")
            )
            break
    if not checked.total:
        checked.faults.append(BatchFault("empty_file", "The input file is empty."))
    return checked


@contextmanager
def _copied(storage: Storage, settings: Settings, file: StoredFile) -> Iterator[Path]:
    """The file in a folder of its own, under a name without odd characters."""
    with _folder(settings.home / _FOLDER, file.id) as name:
        path = Path(name).resolve() / (_ODD.sub("_", file.name).strip() or "input")
        try:
            with path.open("wb") as copy:
                for block in storage.blocks(file.id):
                    copy.write(block)
        except OSError as error:
            raise FilesAway(url=str(path.parent), reason=reason_of(error)) from None
        yield path


def _folder(parent: Path, file_id: str) -> TemporaryDirectory[str]:
    """A new folder in the home; in the system's own place for such folders, if the home cannot be written to."""
    prefix = f"{file_id}-"
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(parent)
        return TemporaryDirectory(dir=parent, prefix=prefix, ignore_cleanup_errors=True)
    except OSError:
        with suppress(OSError):
            return TemporaryDirectory(prefix=f"qwenq-{prefix}", ignore_cleanup_errors=True)
        raise FilesAway(url=str(parent), reason="no folder can be made there") from None


def _sweep(parent: Path) -> None:
    """Remove copies that a process left which was killed."""
    for left in parent.iterdir():
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - _LEFT_SECONDS:
                shutil.rmtree(left)


def _in_words(path: Path, text: str) -> str:
    """A text without the folder of the copy, which concerns nobody, and with fields instead of options."""
    text = text.replace(f"{path.parent}/", "").replace(str(path.parent), "the file")

    def as_field(option: re.Match[str]) -> str:
        name = option[1].replace("-", "_")
        return name if name in ROW_FIELDS else option[0]

    return _OPTION.sub(as_field, text)
