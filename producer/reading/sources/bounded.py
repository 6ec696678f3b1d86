"""Open a file only where it may lie, and only if it is a file. No link put in its way leads elsewhere."""

import fcntl
import os
import stat
import sys
from typing import BinaryIO

from qwenq.producer.reading.sources.access import Bounds
from qwenq.schemas.errors import UnreadableInput, reason_of

_KINDS = (
    (stat.S_ISDIR, "a folder that cannot be listed"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_PATH_BYTES = 1024


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
