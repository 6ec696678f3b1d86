"""Open a file only where it may lie, and only if it is a file. No link put in its way leads elsewhere."""

import fcntl
import os
import stat
import sys
from types import TracebackType
from typing import BinaryIO, Self

from qwenq.producer.reading.sources.access import Bounds
from qwenq.schemas.errors import UnreadableInput, reason_of

_KINDS = (
    (stat.S_ISDIR, "a folder that cannot be listed"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_PATH_BYTES = 1024
_SMALL_BYTES = 1 << 20
_UNFOLLOWED = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW


def open_within(name: str, bounds: Bounds) -> BinaryIO:
    """Open a file that lies in the bounds. Raises UnreadableInput.

    It is opened first, and then the system is asked what was opened. So it does not matter what links are put in its
    place meanwhile.
    """
    try:
        # Opening a device may do something, and a pipe may wait; so look first, and once more at what was opened.
        _check_kind(name, os.stat(name).st_mode, bounds)  # noqa: PTH116 - the name as it was given
        file = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
        try:
            _check_kind(name, os.fstat(file).st_mode, bounds)
            if not bounds.hold(_path_of(file)):
                raise UnreadableInput(source=name, reason=bounds.refusal)  # noqa: TRY301
            return os.fdopen(file, "rb", buffering=0)
        except BaseException:
            os.close(file)
            raise
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=name, reason=reason_of(error)) from None


class KeptFolder:
    """Reads small files of one folder after the other. Each folder's real path is checked once, and it is kept open.

    A file is opened in the open folder, by its own name, and never if it is a link: so it lies where the folder lies.
    """

    def __init__(self) -> None:
        self._path: str | None = None
        self._bounds: Bounds | None = None
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._leave()

    def read(self, name: str, bounds: Bounds) -> bytes | None:
        """Read all bytes of a file. Returns None for one that `open_within` must open, or refuse."""
        path, base = os.path.split(name)
        if path != self._path or bounds is not self._bounds:
            self._enter(path, bounds)
        if self._descriptor is None:
            return None
        try:
            # Opening a device may do something.
            found = os.stat(base, dir_fd=self._descriptor, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode):
                return None
            file = os.open(base, _UNFOLLOWED, dir_fd=self._descriptor)
        except (OSError, ValueError):
            return None
        try:
            return _whole(file)
        except OSError:
            return None
        finally:
            os.close(file)

    def _enter(self, path: str, bounds: Bounds) -> None:
        self._leave()
        self._path, self._bounds = path, bounds
        try:
            folder = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
        except (OSError, ValueError):
            return
        if bounds.hold(_path_of(folder)):
            self._descriptor = folder
        else:
            os.close(folder)

    def _leave(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._path = self._bounds = self._descriptor = None


def _whole(file: int) -> bytes | None:
    """All bytes of an open file; None if it is not a small one, or changes."""
    opened = os.fstat(file)
    if not stat.S_ISREG(opened.st_mode) or opened.st_size > _SMALL_BYTES:
        return None
    data = os.read(file, opened.st_size + 1)
    return data if len(data) == opened.st_size else None


def _check_kind(name: str, mode: int, bounds: Bounds) -> None:
    if stat.S_ISREG(mode):
        return
    if not bounds.hold(os.path.realpath(name)):
        raise UnreadableInput(source=name, reason=bounds.refusal)
    kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a device")
    raise UnreadableInput(source=name, reason=f"it is {kind}, not a file")


def _path_of(file: int) -> str:
    """The real path of an open file."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(file, fcntl.F_GETPATH, bytes(_PATH_BYTES)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{file}")  # noqa: PTH115
