"""The storage of files: a folder, or a bucket of S3 or Google Cloud Storage. A file is there whole or not at all."""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qwenq.schemas.errors import FilesAway, InvalidSetting, QwenqError, reason_of
from qwenq.schemas.log.addresses import without_passwords
from qwenq.schemas.service.stored import KeptBytes
from qwenq.schemas.settings import Settings
from qwenq.store.files.buckets import EXTRAS, Bucket
from qwenq.store.files.folders import Folder
from qwenq.store.files.places import Place, Writing

FOLDER = "files"
_FILE = "file://"


class IncomingFile:
    """Bytes on their way into the storage; nobody sees them until they are kept."""

    def __init__(self, writing: Writing, url: str) -> None:
        self._writing = writing
        self._url = url
        self._digest = hashlib.sha256()
        self._ends_a_line = True
        self._line_ends = 0
        self.size = 0

    def write(self, data: bytes) -> None:
        """Add bytes. Raises FilesAway."""
        with _telling(self._url):
            self._writing.write(data)
        self._digest.update(data)
        self.size += len(data)
        if data:
            self._line_ends += data.count(b"\n")
            self._ends_a_line = data.endswith(b"\n")

    @property
    def lines(self) -> int:
        """How many lines the bytes so far have, blank ones included."""
        return self._line_ends + (not self._ends_a_line)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the bytes so far."""
        return self._digest.digest()


class Storage:
    """Keeps files by id. Threads may share it. Every method raises FilesAway: the folder or bucket is away or full."""

    def __init__(self, place: Place, url: str) -> None:
        self._place = place
        self._url = url

    @classmethod
    def of(cls, settings: Settings) -> "Storage":
        """The storage that the settings name: by default a folder in the home, which only its owner can enter.

        Raises InvalidSetting, MissingExtra.
        """
        url = settings.files_url or str((settings.home / FOLDER).absolute())
        shown = without_passwords(url)
        protocol, is_url, _ = url.partition("://")
        with _telling(shown):
            if not is_url or protocol.lower() == "file":
                path = Path(url[len(_FILE) :] if is_url else url)
                return cls(Folder(path.absolute()), shown)
            if protocol.lower() not in EXTRAS or "::" in url:
                reason = "it must be a folder, or an s3:// or gs:// URL"
                raise InvalidSetting(name="QWENQ_FILES_URL", reason=reason)
            return cls(Bucket.of(url), shown)

    @contextmanager
    def incoming(self, file_id: str) -> Iterator[IncomingFile]:
        """Write a file, which is kept under this id at the end of the block; after an exception, nothing stays."""
        with _telling(self._url):
            writing = self._place.begin(file_id)
        try:
            yield IncomingFile(writing, self._url)
            with _telling(self._url):
                writing.keep()
        except BaseException:
            with suppress(Exception):
                writing.drop()
            raise

    def size(self, file_id: str) -> int:
        """The bytes of a file. Raises FilesAway, too, if it is gone."""
        with _telling(self._url):
            return self._place.size(file_id)

    def blocks(self, file_id: str) -> Iterator[bytes]:
        """The bytes of a file, a block at a time. Raises FilesAway, too, if it is gone."""
        with _telling(self._url):
            yield from self._place.blocks(file_id)

    def remove(self, file_id: str) -> None:
        """Remove a file; one that is gone is no error."""
        with _telling(self._url), suppress(FileNotFoundError):
            self._place.remove(file_id)

    def left_behind(self, seconds: float) -> Iterator[str]:
        """The ids of files that were kept this long ago; half files that began so long ago are removed."""
        with _telling(self._url):
            yield from self._place.older(time.time() - seconds)


@contextmanager
def _telling(url: str) -> Iterator[None]:
    """Raise what a folder or a bucket raises as FilesAway. Each library of buckets has exceptions of its own."""
    try:
        yield
    except (QwenqError, GeneratorExit):
        raise
    except Exception as error:
        raise FilesAway(url=url, reason=reason_of(error)) from error


def kept(file_id: str, incoming: IncomingFile) -> KeptBytes:
    """What was written, to be noted in the store."""
    return KeptBytes(file_id, incoming.size, incoming.sha256, incoming.lines)
