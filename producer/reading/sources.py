"""The inputs of a job: files and standard input, opened before the first row is read."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from producer.reading.formats import (
    Compression,
    Format,
    compression_of_bytes,
    compression_of_name,
    format_of_name,
    format_of_text,
)
from producer.reading.unpacking import BLOCK_BYTES, BrokenOff, unpacked
from schemas.errors import UnreadableInput

STDIN = "-"
STDIN_NAME = "stdin"
HEAD_BYTES = 4
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class OpenSource:
    """One input whose beginning has been read: its plain bytes in blocks, without a byte order mark."""

    name: str
    index: int
    format: Format
    blocks: Iterator[bytes]


@dataclass(frozen=True, slots=True)
class Source:
    """One input by name. A plain file can be opened `again`; a pipe or standard input (`stream`) cannot."""

    name: str
    index: int
    format: Format | None
    again: bool
    stream: BinaryIO | None = None

    def open(self) -> OpenSource:
        """Read the beginning. Raises UnreadableInput, and UnknownFormat for text that does not tell."""
        try:
            head, blocks = _with_head(self._unpacked())
        except BrokenOff as broken:
            raise UnreadableInput(source=self.name, reason=broken.reason) from None
        if head.startswith(_UTF16_MARKS):
            raise UnreadableInput(source=self.name, reason="it is UTF-16; save it as UTF-8")
        found = self.format or format_of_text(self.name, head)
        blocks = chain([head.removeprefix(_UTF8_MARK)], blocks)
        return OpenSource(self.name, self.index, found, blocks)

    def _unpacked(self) -> Iterator[bytes]:
        head, blocks = _with_head(self._raw())
        claimed, real = compression_of_name(self.name), compression_of_bytes(head)
        if claimed not in (Compression.NONE, real):
            raise UnreadableInput(
                source=self.name, reason=f"it is not {claimed} data, though its name says so"
            )
        return unpacked(chain([head], blocks), real)

    def _raw(self) -> Iterator[bytes]:
        if self.stream is not None:
            return _blocks(self.stream)
        return _file_blocks(self.name)


def find_sources(names: Sequence[str], given: Format | None, stdin: BinaryIO | None) -> list[Source]:
    """The inputs behind `names`; `-` is `stdin`. Raises UnreadableInput and UnknownFormat."""
    if names.count(STDIN) > 1:
        raise UnreadableInput(source=STDIN_NAME, reason="it can be read only once")
    sources = []
    for index, name in enumerate(names):
        if name == STDIN:
            stream = sys.stdin.buffer if stdin is None else stdin
            sources.append(Source(STDIN_NAME, index, given, again=False, stream=stream))
        else:
            found = given or format_of_name(name)
            sources.append(Source(name, index, found, again=_is_plain_file(name)))
    return sources


def _is_plain_file(name: str) -> bool:
    """Whether it is a file, not a pipe. Raises UnreadableInput for a folder and for what is not there."""
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - a name, as the person wrote it
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=name, reason=_why(error)) from None
    if stat.S_ISDIR(mode):
        raise UnreadableInput(source=name, reason="it is a folder")
    return stat.S_ISREG(mode)


def _file_blocks(name: str) -> Iterator[bytes]:
    try:
        file = open(name, "rb", buffering=0)  # noqa: PTH123, SIM115
    except OSError as error:
        raise UnreadableInput(source=name, reason=_why(error)) from None
    with file:
        yield from _blocks(file)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    # read1 gives what a pipe holds now; read would wait for a full block.
    read = getattr(stream, "read1", stream.read)
    try:
        while block := read(BLOCK_BYTES):
            yield block
    except OSError as error:
        raise BrokenOff(_why(error)) from None


def _with_head(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, enough to know a file by, and the blocks behind them."""
    head = b""
    for block in blocks:
        head += block
        if len(head) >= HEAD_BYTES:
            break
    return head, blocks


def _why(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[0].lower() + error.strerror[1:]
    return str(error)
