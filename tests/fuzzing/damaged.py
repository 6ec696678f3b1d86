"""Damaged files: a small good file of each kind with changed bytes is read or refused; nothing else happens.

The first byte of a case chooses the file in `sound/`, and whether to change an archive or its contents. Then each three
bytes give a place and its new byte; a single byte at the end gives the place where the file is cut.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.formats import known_format
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.serving import serve
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

SOUND = Path(__file__).parent / "sound"
INSIDE = 64
_ARCHIVES = (Format.XLSX, Format.DOCX)


def check(case: bytes) -> None:
    """Read a case. Raises AssertionError for a row that cannot be stored, and any unexpected exception."""
    bits, edits = (case[0], case[1:]) if case else (0, b"")
    files = _sound_files()
    name = list(files)[bits % INSIDE % len(files)]
    form = known_format(name)
    assert form is not None
    inside = bool(bits & INSIDE) and form in _ARCHIVES
    data = _changed_inside(files[name], edits) if inside else _changed(files[name], edits)
    try:
        rows = list(
            read_rows(["-"], form, PromptSpec(), GenerationParams(), io.BytesIO(data), reader=_ReaderHere())
        )
    except UsageError:
        return
    assert len(rows) == 1 or not form.is_document, "a file that is one document is one row"
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines)), "two rows have one number, or they are out of order"
    for row in rows:
        _check_row(row)


class _Here:
    """Serves in this process, where fuzzing sees which code runs."""

    is_fresh = True

    def begin(self, request: bytes, file: BinaryIO | None = None, **_limits: float) -> Iterator[bytes]:
        """Serve a request."""
        return serve(request, None if file is None else io.BufferedReader(_Raw(file)))

    def close(self) -> None:
        """Nothing runs."""


class _Raw(io.RawIOBase):
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return self._file.seek(place, whence)

    def tell(self) -> int:
        return self._file.seek(0, 1)

    def readinto(self, buffer: Any) -> int:
        read = self._file.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


class _ReaderHere(ReaderProcess):
    def taken(self) -> ConfinedProcess:
        return cast("ConfinedProcess", _Here())


def _check_row(row: Row) -> None:
    text = "".join(map(str, row))
    text.encode()
    assert "\0" not in text, "PostgreSQL keeps no NUL"
    assert row.line > 0
    if isinstance(row, Document):
        assert row.custom_id
        assert isinstance(orjson.loads(row.content), dict)
    else:
        assert row.reason


@cache
def _sound_files() -> Mapping[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(SOUND.iterdir())}


def _changed(sound: bytes, edits: bytes) -> bytes:
    data = bytearray(sound)
    for at in range(0, len(edits) - 2, 3):
        data[int.from_bytes(edits[at : at + 2]) % len(data)] = edits[at + 2]
    cut = edits[-1] * len(data) // 256 if len(edits) % 3 == 1 else len(data)
    return bytes(data[:cut])


def _changed_inside(archive: bytes, edits: bytes) -> bytes:
    """Change the contents of an archive and pack them again, so that its checksums are right."""
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    changed = _changed(b"".join(held.values()), edits)
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        for name, content in held.items():
            packed.writestr(zipfile.ZipInfo(name), changed[: len(content)])
            changed = changed[len(content) :]
    return written.getvalue()
