"""The storage of files: a folder, or a bucket behind a URL, over fsspec. A file is there whole or not at all."""

import hashlib
import math
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qwenq.schemas.errors import FilesAway, reason_of
from qwenq.schemas.service.stored import KeptBytes
from qwenq.schemas.settings import Settings

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

FOLDER = "files"
BLOCK_BYTES = 1 << 20
_KEPT = "kept"
_COMING = "coming"


class IncomingFile:
    """Bytes on their way into the storage; nobody sees them until they are kept."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add bytes. Raises FilesAway, as if inside of `Storage.incoming`."""
        self._stream.write(data)
        self._digest.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the bytes so far."""
        return self._digest.digest()


class Storage:
    """Keeps files by id. Threads may share it. Every method raises FilesAway: the folder or bucket is away or full."""

    def __init__(self, filesystem: "AbstractFileSystem", root: str) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")

    @classmethod
    def of(cls, settings: Settings) -> "Storage":
        """The storage that the settings name: by default a folder in the home, which only its owner can enter."""
        from fsspec.core import url_to_fs

        if settings.files_url is None:
            folder = (settings.home / FOLDER).absolute()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            url = str(folder)
        else:
            url = settings.files_url
        try:
            filesystem, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise FilesAway(url=url, reason=reason_of(error)) from None
        return cls(filesystem, str(root))

    @contextmanager
    def incoming(self, file_id: str) -> Iterator[IncomingFile]:
        """Write a file, which is kept under this id at the end of the block; after an exception, nothing stays."""
        coming = f"{self._root}/{_COMING}/{file_id}-{secrets.token_hex(4)}"
        try:
            with self._telling():
                self._filesystem.makedirs(f"{self._root}/{_COMING}", exist_ok=True)
                self._filesystem.makedirs(f"{self._root}/{_KEPT}", exist_ok=True)
                with self._filesystem.open(coming, "wb") as stream:
                    yield IncomingFile(stream)
                    stream.flush()
                    with suppress(AttributeError, OSError):  # a bucket has no such file
                        os.fsync(stream.fileno())
                self._move(coming, self._path(file_id))
        except BaseException:
            with suppress(Exception):
                self._filesystem.rm(coming)
            raise

    def size(self, file_id: str) -> int:
        """The bytes of a file. Raises FilesAway, too, if it is gone."""
        with self._telling():
            return int(self._filesystem.size(self._path(file_id)) or 0)

    def blocks(self, file_id: str) -> Iterator[bytes]:
        """The bytes of a file, a block at a time. Raises FilesAway, too, if it is gone."""
        with self._telling(), self._filesystem.open(self._path(file_id), "rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block

    def remove(self, file_id: str) -> None:
        """Remove a file; one that is gone is no error."""
        with self._telling(), suppress(FileNotFoundError):
            self._filesystem.rm(self._path(file_id))

    def left_behind(self, seconds: float) -> Iterator[str]:
        """The ids of files that were kept this long ago; half files that began so long ago are removed."""
        before = time.time() - seconds
        with self._telling():
            for path, found in self._files_in(_COMING):
                if _moment(found) < before:
                    with suppress(FileNotFoundError):
                        self._filesystem.rm(path)
            for path, found in self._files_in(_KEPT):
                if _moment(found) < before:
                    yield path.rpartition("/")[2]

    def _files_in(self, folder: str) -> list[tuple[str, dict[str, Any]]]:
        try:
            found = self._filesystem.find(f"{self._root}/{folder}", detail=True)
        except FileNotFoundError:
            return []
        return list(found.items())

    def _path(self, file_id: str) -> str:
        return f"{self._root}/{_KEPT}/{file_id}"

    def _move(self, source: str, target: str) -> None:
        if self._filesystem.protocol in {"file", ("file", "local")}:
            Path(source).replace(target)
        else:
            self._filesystem.mv(source, target)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Raise what a file system raises as FilesAway."""
        try:
            yield
        except OSError as error:
            raise FilesAway(url=self._root, reason=reason_of(error)) from error


def _moment(found: dict[str, Any]) -> float:
    """When a file was changed, in seconds since 1970; a storage that does not tell keeps its files."""
    changed = found.get("mtime", found.get("LastModified"))
    if isinstance(changed, datetime):
        return changed.timestamp()
    return float(changed) if isinstance(changed, (int, float)) else math.inf


def kept(file_id: str, incoming: IncomingFile) -> KeptBytes:
    """What was written, to be noted in the store."""
    return KeptBytes(file_id, incoming.size, incoming.sha256)
