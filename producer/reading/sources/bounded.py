"""Open a file only where it may lie, and only if it is a file. No link put in its way leads elsewhere."""

import os
import stat
from pathlib import PurePath
from typing import BinaryIO

from qwenq.producer.reading.sources.access import Bounds
from qwenq.schemas.errors import UnreadableInput, reason_of

# O_PATH needs no right to list the folder; macOS has no such flag.
_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_KINDS = (
    (stat.S_ISDIR, "a folder that cannot be listed"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISLNK, "a link"),
)


def open_within(name: str, bounds: Bounds) -> BinaryIO:
    """Open a file that lies in the bounds. Raises UnreadableInput.

    Its real path is found first, and then walked from the root without following a link. So a link that is put in its
    place meanwhile is refused.
    """
    try:
        real = os.path.realpath(name)
        if not bounds.hold(real):
            raise UnreadableInput(source=name, reason=bounds.refusal)
        return os.fdopen(_opened(name, real), "rb", buffering=0)
    except (OSError, ValueError) as error:
        raise UnreadableInput(source=name, reason=reason_of(error)) from None


def _opened(name: str, real: str) -> int:
    *folders, last = PurePath(real).parts[1:] or ("/",)
    parent = os.open("/", _FOLDER)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=parent)
            os.close(parent)
            parent = below
        # Opening a device may do something; so look first, and once more at what was opened.
        _check_kind(name, os.stat(last, dir_fd=parent, follow_symlinks=False).st_mode)
        file = os.open(last, _FILE, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        _check_kind(name, os.fstat(file).st_mode)
    except BaseException:
        os.close(file)
        raise
    return file


def _check_kind(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((kind for is_kind, kind in _KINDS if is_kind(mode)), "a device")
        raise UnreadableInput(source=name, reason=f"it is {kind}, not a file")
