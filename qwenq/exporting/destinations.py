"""Destinations of files: a local path, or the URL of an object store. A file appears whole or not at all."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from qwenq.producer.object_stores import checked_name, filesystem_of, is_url
from qwenq.schemas.errors import OutputNotWritable, QwenqError, UnreadableInput, reason_of
from qwenq.schemas.machine.umask import output_folder_mode, output_mode

Address = str | Path
"""A path or a URL, as the user gives it."""


def destination_of(address: Address) -> "LocalFile | StoredObject":
    """Find the destination of an address. Raises OutputNotWritable, MissingExtra, UnknownProtocol."""
    name = checked_name(str(address))
    if not is_url(name):
        return LocalFile(Path(name))
    try:
        filesystem_of(name)
    except UnreadableInput as error:
        raise OutputNotWritable(path=name, reason=error.reason) from None
    return StoredObject(name)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A local file, written under another name and then renamed. Missing folders are created."""

    path: Path

    @property
    def place(self) -> str:
        """A name that is the same for all addresses of the file."""
        return str(self.path.resolve())

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Open a file for writing; it gets its name when the block ends without an error. Raises OutputNotWritable."""
        with self._aside() as (output, aside):
            yield output
            output.flush()
            os.fsync(output.fileno())
            aside.replace(self.path)
            _sync_folder(self.path.parent)

    def check(self) -> None:
        """Check that a file can be created there. Raises OutputNotWritable."""
        with self._aside():
            pass

    def remove(self) -> None:
        """Remove the file if it exists. Raises OutputNotWritable."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputNotWritable(path=str(self.path), reason=reason_of(error)) from error

    def _earlier(self) -> os.stat_result | None:
        """The file that is replaced, if there is one."""
        try:
            return self.path.stat()
        except FileNotFoundError:
            return None

    def _make_folder(self) -> None:
        folder = self.path.parent
        try:
            _make_folders(folder)
        except (FileExistsError, NotADirectoryError) as error:
            reason = (
                f"the folder {folder} cannot be created, because a file has this name; choose another folder"
            )
            raise OutputNotWritable(path=str(self.path), reason=reason) from error
        except OSError as error:
            reason = f"the folder {folder} cannot be created: {reason_of(error)}"
            raise OutputNotWritable(path=str(self.path), reason=reason) from error

    @contextmanager
    def _aside(self) -> Iterator[tuple[BinaryIO, Path]]:
        """Open a new file beside the destination. It is removed at the end unless it was renamed."""
        # Beat delivers in several threads, and two runs may write the same file.
        aside = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        try:
            if self.path.exists() and not self.path.is_file():
                raise OutputNotWritable(
                    path=str(self.path), reason="it exists and is not a file; choose another name"
                )
            self._make_folder()
            with aside.open("xb") as output:
                _set_mode(output.fileno(), output_mode(self._earlier()))
                yield output, aside
        except OSError as error:
            raise OutputNotWritable(path=str(self.path), reason=reason_of(error)) from error
        finally:
            with suppress(OSError):
                aside.unlink()


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in an object store. The store shows it only once it is complete."""

    url: str

    @property
    def place(self) -> str:
        """A name that is the same for all addresses of the object."""
        return self.url

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """Open a file for writing; it is sent when the block ends without an error. Raises OutputNotWritable."""
        # Write to the local disk first: an early end leaves no half upload, and a slow store does not slow the block.
        with tempfile.NamedTemporaryFile(prefix="qwenq-") as output:
            yield output  # type: ignore[misc]
            output.flush()
            with self._translating():
                filesystem, path = filesystem_of(self.url)
                filesystem.put_file(output.name, path)

    def check(self) -> None:
        """Check that an object can be stored there, with a small object beside it. Raises OutputNotWritable."""
        with self._translating():
            filesystem, path = filesystem_of(self.url)
            folder, _, name = path.rpartition("/")
            beside = f"{folder}/.{name}.part"
            filesystem.pipe_file(beside, b"")
            # Writing may be allowed and removing not.
            with suppress(Exception):
                filesystem.rm_file(beside)

    def remove(self) -> None:
        """Remove the object if it exists. Raises OutputNotWritable."""
        with self._translating():
            filesystem, path = filesystem_of(self.url)
            if filesystem.exists(path):
                filesystem.rm_file(path)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Turn the errors of any store's library into OutputNotWritable."""
        try:
            yield
        except QwenqError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            raise OutputNotWritable(path=self.url, reason=reason) from error


def _make_folders(folder: Path) -> None:
    """Make a folder and its missing parents, as the person's umask says."""
    missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _set_mode(one, output_folder_mode())


def _set_mode(file: int | Path, mode: int | None) -> None:
    """Set a mode, unless it is None or the file system has no modes of its own."""
    if mode is not None:
        with suppress(PermissionError):
            os.chmod(file, mode)  # noqa: PTH101 - a descriptor has no path


def _sync_folder(folder: Path) -> None:
    """Write the renaming to the disk, where the system supports that for folders."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
