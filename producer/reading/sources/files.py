"""One file of an input, wherever it is: its bytes in blocks, as a file, or all at once."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources import remote
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.schemas.errors import UnreadableDocument, UnreadableInput, reason_of

WHOLE_BYTES = 128 * 1024 * 1024
"""Most bytes of a file that is held whole."""


@dataclass(frozen=True, slots=True)
class File:
    """A file by its name, a path or a URL; or `stream`, which is standard input."""

    name: str
    stream: BinaryIO | None = None

    def can_be_read_again(self) -> bool:
        """Whether it is a file, not a pipe. Raises UnreadableInput for what is not there, and for a folder."""
        if self.stream is not None:
            return False
        return is_url(self.name) or _is_plain_file(self.name)

    def check_there(self) -> None:
        """Raise UnreadableInput for what is not there, and for a folder; a URL was looked at already."""
        self.can_be_read_again()

    def blocks(self) -> Iterator[bytes]:
        """Its bytes, streamed. Raises UnreadableInput when it cannot be opened, BrokenOff when it breaks off."""
        if self.stream is not None:
            yield from _blocks(self.stream)
        else:
            with self._opened() as file:
                yield from _blocks(file)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """It as a file that can be read at any place; what comes through a pipe is put on disk first.

        Raises UnreadableInput.
        """
        if self.can_be_read_again():
            with self._opened() as file:
                yield file
            return
        with tempfile.TemporaryFile() as copy:
            try:
                copy.writelines(self.blocks())
            except BrokenOff as broken:
                raise UnreadableInput(source=self.name, reason=broken.reason) from None
            copy.seek(0)
            yield copy

    def whole(self) -> bytes:
        """All of its bytes. Raises UnreadableInput, and UnreadableDocument above WHOLE_BYTES."""
        pieces, size = [], 0
        try:
            for block in self.blocks():
                pieces.append(block)
                size += len(block)
                if size > WHOLE_BYTES:
                    reason = f"it has more than {WHOLE_BYTES >> 20} MiB; split it, or save it as text"
                    raise UnreadableDocument(reason=reason)
        except BrokenOff as broken:
            raise UnreadableInput(source=self.name, reason=broken.reason) from None
        return b"".join(pieces)

    def _opened(self) -> BinaryIO:
        if is_url(self.name):
            return remote.opened(self.name)
        try:
            return open(self.name, "rb", buffering=0)  # noqa: PTH123
        except (OSError, ValueError) as error:
            raise UnreadableInput(source=self.name, reason=reason_of(error)) from None


def _is_plain_file(name: str) -> bool:
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - a name, as the person wrote it
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=name, reason=reason_of(error)) from None
    if stat.S_ISDIR(mode):
        raise UnreadableInput(source=name, reason="it is a folder")
    return stat.S_ISREG(mode)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    # read1 gives what a pipe holds now; read would wait for a full block.
    read = getattr(stream, "read1", stream.read)
    try:
        while block := read(BLOCK_BYTES):
            yield block
    except Exception as error:  # noqa: BLE001 - every store of objects has errors of its own
        raise BrokenOff(remote.reason_told(error)) from None
