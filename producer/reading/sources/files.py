"""A file on disk, behind a URL, or on standard input: read in blocks, at any place, or whole."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources.access import Bounds
from qwenq.producer.reading.sources.bounded import KeptFolder, open_within
from qwenq.producer.reading.sources.remote import open_url
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.schemas.errors import UnreadableDocument, UnreadableInput, reason_of

WHOLE_BYTES = 128 * 1024 * 1024
"""The most bytes of a file that is read whole."""


@dataclass(frozen=True, slots=True)
class File:
    """A file by its name, which is a path or a URL; or standard input, which is `stream`.

    With `bounds`, it must lie in them and be a file, not a pipe; else opening raises UnreadableInput.
    """

    name: str
    stream: BinaryIO | None = None
    bounds: Bounds | None = None

    def can_be_read_again(self) -> bool:
        """Whether this is a file, not a pipe. Raises UnreadableInput if it is missing, or a folder."""
        if self.stream is not None:
            return False
        return self.bounds is not None or is_url(self.name) or _is_plain_file(self.name)

    def check_there(self) -> None:
        """Raise UnreadableInput if the file is missing, or a folder. URLs were checked before."""
        if self.stream is None and not is_url(self.name):
            _is_plain_file(self.name)

    def blocks(self) -> Iterator[bytes]:
        """Stream the bytes. Raises UnreadableInput if it cannot be opened, BrokenOff if reading fails later."""
        if self.stream is not None:
            yield from _blocks(self.stream)
        else:
            with self._open() as file:
                yield from _blocks(file)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Open the file for reading at any place; a pipe is copied to disk first. Raises UnreadableInput."""
        if self.can_be_read_again():
            with self._open() as file:
                yield file
            return
        with tempfile.TemporaryFile() as copy:
            try:
                copy.writelines(self.blocks())
            except BrokenOff as broken:
                raise UnreadableInput(source=self.name, reason=broken.reason) from None
            copy.seek(0)
            yield copy

    def whole(self, folder: KeptFolder) -> bytes:
        """Read all bytes. Raises UnreadableInput, and UnreadableDocument above WHOLE_BYTES.

        `folder` is for all files that are read one after the other.
        """
        if self.bounds is not None and (data := folder.read(self.name, self.bounds)) is not None:
            return data
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

    def _open(self) -> BinaryIO:
        if is_url(self.name):
            return open_url(self.name)
        if self.bounds is not None:
            return open_within(self.name, self.bounds)
        try:
            return open(self.name, "rb", buffering=0)  # noqa: PTH123
        except (OSError, ValueError) as error:
            raise UnreadableInput(source=self.name, reason=reason_of(error)) from None


def _is_plain_file(name: str) -> bool:
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116 - the name as it was given
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=name, reason=reason_of(error)) from None
    if stat.S_ISDIR(mode):
        raise UnreadableInput(source=name, reason="it is a folder")
    return stat.S_ISREG(mode)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    # read1 returns what a pipe holds now; read would wait for a full block.
    read = getattr(stream, "read1", stream.read)
    try:
        while block := read(BLOCK_BYTES):
            yield block
    except Exception as error:  # noqa: BLE001 - every object store has its own errors
        raise BrokenOff(reason_of(error)) from None
