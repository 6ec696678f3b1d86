"""The umask: what qwenq keeps for itself is for its user alone; what people asked for follows their own umask."""

import os
import stat

_VARIABLE = "_QWENQ_UMASK"
_PRIVATE = 0o077
_NEW_FILE, _NEW_FOLDER = 0o666, 0o777


def keep_private() -> None:
    """Make files and folders for this user alone from now on, in this process and its children."""
    before = os.umask(_PRIVATE)
    os.environ.setdefault(_VARIABLE, f"{before:o}")


def output_mode(earlier: os.stat_result | None) -> int | None:
    """The mode of a file that a person asked for: that of the file it replaces, else as the person's umask says.

    None: the process's umask is the person's, so there is nothing to change.
    """
    if earlier is not None:
        return stat.S_IMODE(earlier.st_mode) & _NEW_FOLDER
    before = _persons_umask()
    return None if before is None else _NEW_FILE & ~before


def output_folder_mode() -> int | None:
    """The mode of a new folder for such files; None: there is nothing to change."""
    before = _persons_umask()
    return None if before is None else _NEW_FOLDER & ~before


def _persons_umask() -> int | None:
    """The umask from before `keep_private`, in this process or in the one that started it."""
    try:
        return int(os.environ.get(_VARIABLE, ""), 8) & _NEW_FOLDER
    except ValueError:
        return None
