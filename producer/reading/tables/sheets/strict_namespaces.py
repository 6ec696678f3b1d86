"""Strict Open XML, as "Strict Open XML Spreadsheet" saves it: the same elements in other namespaces.

openpyxl knows the transitional namespaces only, so each part is translated while it is read.
"""

import re
import zipfile
from typing import IO, Literal, Self, cast

from qwenq.producer.reading.office_archives import OfficeArchive

_STRICT = b"http://purl.oclc.org/ooxml/"
_TRANSITIONAL = {
    b"spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"drawingml/main": b"http://schemas.openxmlformats.org/drawingml/2006/main",
    b"officeDocument/relationships": b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
}
_NAMES = re.compile(re.escape(_STRICT) + b"(" + b"|".join(_TRANSITIONAL) + b")")
_LONGEST = len(_STRICT) + max(map(len, _TRANSITIONAL))


class SpreadsheetArchive(OfficeArchive):
    """An archive whose parts have the transitional namespaces."""

    def open(
        self,
        name: str | zipfile.ZipInfo,
        mode: Literal["r", "w"] = "r",
        pwd: bytes | None = None,
        *,
        force_zip64: bool = False,
    ) -> IO[bytes]:
        """Open a part. Raises what OfficeArchive raises."""
        opened = super().open(name, mode, pwd, force_zip64=force_zip64)
        begun = opened.read(_LONGEST * 64)
        is_strict = _STRICT in begun
        return cast("IO[bytes]", _Translated(opened, begun, is_strict=is_strict))


class _Translated:
    """A file that is read once from its beginning, in blocks."""

    def __init__(self, file: IO[bytes], begun: bytes, *, is_strict: bool) -> None:
        self._file = file
        self._rest = begun
        self._is_strict = is_strict

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def read(self, length: int = -1) -> bytes:
        """A block; it may be longer or shorter than asked for. b"" is the end."""
        if not self._is_strict:
            begun, self._rest = self._rest, b""
            return begun + self._file.read(length) if length < 0 else begun or self._file.read(length)
        while True:
            block = self._file.read(length)
            text = _NAMES.sub(_translation, self._rest + block)
            if length < 0 or not block:
                self._rest = b""
                return text
            # A name may begin here and end in the next block.
            kept = text.find(_STRICT[:1], max(0, len(text) - _LONGEST))
            kept = len(text) if kept < 0 else kept
            self._rest = text[kept:]
            if kept:
                return text[:kept]


def _translation(found: re.Match[bytes]) -> bytes:
    return _TRANSITIONAL[found[1]]
