"""Where a file goes: a path of this machine, or the URL of an object store. It appears there whole, or not at all."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qwenq.producer.object_stores import filesystem_of, is_url
from qwenq.schemas.errors import OutputNotWritable, QwenqError, UnreadableInput, reason_of

Address = str | Path
"""A path or a URL, as a person gives it."""


def destination_of(address: Address) -> "LocalFile | StoredObject":
    """The destination that an address names. Raises OutputNotWritable, MissingExtra."""
    if not is_url(str(address)):
        return LocalFile(Path(address))
    url = str(address)
    try:
        filesystem, path = filesystem_of(url)
    except UnreadableInput as error:
        raise OutputNotWritable(path=url, reason=error.reason) from None
    return LocalFile(Path(path)) if "file" in filesystem.protocol else StoredObject(url)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is written beside its place and then renamed. Missing folders are made."""

    path: Path

    @property
    def place(self) -> str:
        """The same for all addresses of the file."""
        return str(self.path.resolve())

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """A file to write to, in its place once the block ends without an exception. Raises OutputNotWritable."""
        with self._aside() as (output, aside):
            yield output
            output.flush()
            os.fsync(output.fileno())
            aside.replace(self.path)
            _sync_folder(self.path.parent)

    def check(self) -> None:
        """Raise OutputNotWritable unless a file can be made there."""
        with self._aside():
            pass

    def remove(self) -> None:
        """Remove what is there, if anything. Raises OutputNotWritable."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputNotWritable(path=str(self.path), reason=reason_of(error)) from error

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            reason = f"the folder {folder} cannot be made, since a file has its place; name another folder"
            raise OutputNotWritable(path=str(self.path), reason=reason) from error
        except OSError as error:
            reason = f"the folder {folder} cannot be made: {reason_of(error)}"
            raise OutputNotWritable(path=str(self.path), reason=reason) from error

    @contextmanager
    def _aside(self) -> Iterator[tuple[BinaryIO, Path]]:
        """A new file beside the place, gone at the end unless it was renamed."""
        # Beat delivers in several threads, and two runs may have one name for their files.
        aside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        try:
            if self.path.exists() and not self.path.is_file():
                raise OutputNotWritable(
                    path=str(self.path), reason="it is there, and is no file; name another"
                )
            self._make_folder()
            with aside.open("wb") as output:
                yield output, aside
        except OSError as error:
            raise OutputNotWritable(path=str(self.path), reason=reason_of(error)) from error
        finally:
            with suppress(OSError):
                aside.unlink()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of a store, which shows an object only when all of it has come."""

    url: str

    @property
    def place(self) -> str:
        """The same for all addresses of the object."""
        return self.url

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """A file to write to, sent to the store once the block ends without an exception. Raises OutputNotWritable."""
        # On this disk first: whatever ends the block early leaves no half upload, and the store cannot slow it down.
        with tempfile.NamedTemporaryFile(prefix="qwenq-") as output:
            yield output  # type: ignore[misc]
            output.flush()
            with self._telling():
                filesystem, path = filesystem_of(self.url)
                filesystem.put_file(output.name, path)

    def check(self) -> None:
        """Raise OutputNotWritable unless an object can be stored there: a small one is, beside the place."""
        with self._telling():
            filesystem, path = filesystem_of(self.url)
            folder, _, name = path.rpartition("/")
            beside = f"{folder}/.{name}.part"
            filesystem.pipe_file(beside, b"")
            # Who may write need not have the right to remove.
            with suppress(Exception):
                filesystem.rm_file(beside)

    def remove(self) -> None:
        """Remove what is there, if anything. Raises OutputNotWritable."""
        with self._telling():
            filesystem, path = filesystem_of(self.url)
            if filesystem.exists(path):
                filesystem.rm_file(path)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """What each store's own library raises, as OutputNotWritable."""
        try:
            yield
        except QwenqError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise OutputNotWritable(path=self.url, reason=reason) from error


def _sync_folder(folder: Path) -> None:
    """Have the renaming on the disk, where the system can do that for a folder."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
