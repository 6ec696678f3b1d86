"""A file of rows: opened and unpacked, its format known, before the first row is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from qwenq.producer.reading.formats import (
    Compression,
    Format,
    compression_of_bytes,
    compression_of_name,
    format_of_text,
)
from qwenq.producer.reading.sources.files import File
from qwenq.producer.reading.sources.unpacked_bytes import UnpackedBytes
from qwenq.producer.reading.sources.unpacking import BrokenOff, unpacked
from qwenq.schemas.errors import UnreadableInput

HEAD_BYTES = 4
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TABLES = (Format.CSV, Format.TSV)


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A file of rows whose beginning was read: its unpacked bytes in blocks.

    Only a text table may still have a byte order mark: its encoding is found out later.
    """

    name: str
    index: int
    format: Format
    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of rows. `prefix` begins the ids of rows without one. `found`: by a folder or a pattern, not named."""

    file: File
    index: int
    format: Format | None
    prefix: str
    found: bool
    unpacked: UnpackedBytes

    @property
    def name(self) -> str:
        """The file's name, to show."""
        return self.file.name

    def open(self) -> OpenSource:
        """Read the beginning. Raises UnreadableInput, and UnknownFormat if the text does not show its format."""
        try:
            head, blocks = _with_head(self._unpacked())
        except BrokenOff as broken:
            raise UnreadableInput(source=self.name, reason=broken.reason) from None
        if self.format in _TABLES:
            return OpenSource(self.name, self.index, self.format, chain([head], blocks))
        if head.startswith(_UTF16_MARKS):
            raise UnreadableInput(source=self.name, reason="it is UTF-16; save it as UTF-8")
        found = self.format or format_of_text(self.name, head)
        blocks = chain([head.removeprefix(_UTF8_MARK)], blocks)
        return OpenSource(self.name, self.index, found, blocks)

    def _unpacked(self) -> Iterator[bytes]:
        head, blocks = _with_head(self.file.blocks())
        claimed, real = compression_of_name(self.name), compression_of_bytes(head)
        if claimed not in (Compression.NONE, real):
            raise UnreadableInput(
                source=self.name, reason=f"it is not {claimed} data, though its name says so"
            )
        plain = chain([head], blocks)
        return plain if real is Compression.NONE else self.unpacked.counting(self.name, unpacked(plain, real))


def _with_head(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to know the compression by, and the blocks behind them."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    return head, blocks
