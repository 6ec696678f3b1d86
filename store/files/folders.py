"""Bytes in a folder: written beside the others under another name, then renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from qwenq.store.files.places import BLOCK_BYTES

KEPT = "kept"
COMING = "coming"


class FolderWriting:
    """A file in the making."""

    def __init__(self, coming: Path, kept: Path) -> None:
        self._coming = coming
        self._kept = kept
        self._file = coming.open("xb")

    def write(self, data: bytes) -> None:
        """Add bytes."""
        self._file.write(data)

    def keep(self) -> None:
        """Rename the file, once its bytes are on the disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._coming.replace(self._kept)
        _sync(self._kept.parent)

    def drop(self) -> None:
        """Remove the file."""
        self._coming.unlink(missing_ok=True)
        # What is still in its buffer cannot be written to a full disk.
        with suppress(OSError):
            self._file.close()


class Folder:
    """A folder of this machine, or one that several machines mount. Its files are for their owner only."""

    def __init__(self, root: Path) -> None:
        self._kept = root / KEPT
        self._coming = root / COMING
        self._make()

    def begin(self, name: str) -> FolderWriting:
        """Begin to write."""
        self._make()
        return FolderWriting(self._coming / f"{name}-{secrets.token_hex(4)}", self._kept / name)

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes, a block at a time."""
        with (self._kept / name).open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def size(self, name: str) -> int:
        """How many bytes."""
        return (self._kept / name).stat().st_size

    def remove(self, name: str) -> None:
        """Remove a name."""
        (self._kept / name).unlink()

    def older(self, moment: float) -> Iterator[str]:
        """The names that were kept before a moment; half files from before are removed."""
        for path in _older(self._coming, moment):
            path.unlink(missing_ok=True)
        for path in _older(self._kept, moment):
            yield path.name

    def _make(self) -> None:
        for folder in (self._kept, self._coming):
            if not folder.is_dir():
                folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.mkdir(mode=0o700, exist_ok=True)


def _older(folder: Path, moment: float) -> Iterator[Path]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_mtime < moment:
                    yield Path(entry.path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
