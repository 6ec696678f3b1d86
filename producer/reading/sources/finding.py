"""Find the files behind a name: a file, a pattern, or a folder with its subfolders; on disk or behind a URL."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass

from qwenq.producer.object_stores import is_url
from qwenq.producer.reading.sources import remote
from qwenq.schemas.errors import NothingFound, UnreadableInput, reason_of

# Files that systems and programs leave beside documents. Office locks an open file with one named ~$….
_HIDDEN_STARTS = (".", "~$")
_HIDDEN_NAMES = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class Found:
    """The files behind one name, sorted by path. `base` is the folder that holds them; None for a file's own name."""

    paths: list[str]
    base: str | None

    def below(self, path: str) -> str:
        """A file's path below the base."""
        return path.removeprefix(self.base or "").lstrip("/")


def find_files(name: str) -> Found:
    """The files behind a name. Whether a file named itself exists is not checked.

    In folders and patterns, hidden files, hidden folders and devices are left out. Raises NothingFound, UnreadableInput
    for a folder that cannot be listed, MissingExtra for a URL.
    """
    if is_url(name):
        return Found(*remote.files_at(name, _shown))
    # A file's name may look like a pattern.
    if os.path.lexists(name):
        if not os.path.isdir(name):  # noqa: PTH112 - the name as it was given
            return Found([name], None)
        paths, base = _files_in(name), name
    elif glob.has_magic(name):
        paths, base = _files_matching(name), remote.path_before_pattern(name)
    else:
        return Found([name], None)
    found = sorted({path for path in paths if _is_file(path)})
    if not found:
        raise NothingFound(source=name)
    return Found(found, base)


def _files_in(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if _shown(name)]
        yield from (os.path.join(parent, name) for name in files if _shown(name))  # noqa: PTH118


def _files_matching(pattern: str) -> Iterator[str]:
    for path in glob.iglob(pattern, recursive=True):  # noqa: PTH207
        if os.path.isdir(path):  # noqa: PTH112
            yield from _files_in(path)
        elif _shown(os.path.basename(path)):  # noqa: PTH119
            yield path


def _shown(path: str) -> bool:
    """Whether nothing in a path is hidden."""
    return not any(
        part.startswith(_HIDDEN_STARTS) or part.lower() in _HIDDEN_NAMES for part in path.split("/")
    )


def _is_file(path: str) -> bool:
    """Whether it is a file, or a broken link, which opening will report. Opening a pipe would block."""
    return os.path.isfile(path) or not os.path.exists(path)  # noqa: PTH113, PTH110


def _refuse(error: OSError) -> None:
    raise UnreadableInput(source=str(error.filename), reason=reason_of(error)) from None
