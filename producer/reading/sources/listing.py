"""List the files of a folder or a pattern on disk, without following links elsewhere or in circles."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import PurePath

from qwenq.producer.roots import is_below
from qwenq.schemas.errors import UnreadableInput, reason_of

# Files that systems and programs leave beside documents. Office locks an open file with one named ~$….
_HIDDEN_STARTS = (".", "~$")
_HIDDEN_NAMES = {"thumbs.db", "desktop.ini"}
_ANY_DEPTH = "**"


class Listing:
    """Lists files below `base`: all but folders, so links, pipes and folders that cannot be listed are among them.

    Links to folders outside of `base` are followed if `follow_links`, and otherwise listed like files, to be refused by
    name. What other links to folders lead to is found in its own place. Hidden files and folders are left out.
    """

    def __init__(self, base: str, *, follow_links: bool) -> None:
        self._base = os.path.realpath(base)
        self._follow_links = follow_links
        self._seen: set[tuple[int, int, int]] = set()

    def of_folder(self, folder: str) -> Iterator[str]:
        """The files in a folder and its subfolders. Raises UnreadableInput if it cannot be listed."""
        try:
            os.scandir(folder or ".").close()
        except OSError as error:
            raise UnreadableInput(source=folder, reason=reason_of(error)) from None
        yield from self._below(folder)

    def of_pattern(self, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """The files in `folder` that match a pattern, given by its parts; of a matching folder, all its files."""
        part, rest = parts[0], parts[1:]
        if part == _ANY_DEPTH:
            if not rest:
                yield from self._below(folder)
                return
            for each, _ in self._folders(folder, len(parts)):
                yield from self.of_pattern(each, rest)
            return
        for entry in _entries(folder) or ():
            if not fnmatch(entry.name, part) or (entry.name.startswith(".") and not part.startswith(".")):
                continue
            path = os.path.join(folder, entry.name)  # noqa: PTH118 - the name as it was given
            if self._is_folder(entry):
                yield from self.of_pattern(path, rest) if rest else self._below(path)
            elif not rest and is_shown(entry.name) and self._is_listed(entry):
                yield path

    def _below(self, folder: str) -> Iterator[str]:
        for each, entries in self._folders(folder, 0):
            if entries is None:
                yield each
                continue
            for entry in entries:
                path = os.path.join(each, entry.name)  # noqa: PTH118
                if is_shown(entry.name) and not self._is_folder(entry) and self._is_listed(entry):
                    yield path

    def _folders(
        self, folder: str, parts_left: int
    ) -> "Iterator[tuple[str, Sequence[os.DirEntry[str]] | None]]":
        """A folder and all its subfolders, each once, with what they hold; None if that cannot be listed."""
        waiting = deque([folder])
        while waiting:
            each = waiting.popleft()
            if not self._is_new(each, parts_left):
                continue
            entries = _entries(each)
            yield each, entries
            waiting.extend(
                os.path.join(each, entry.name)  # noqa: PTH118
                for entry in entries or ()
                if is_shown(entry.name) and self._is_folder(entry)
            )

    def _is_folder(self, entry: "os.DirEntry[str]") -> bool:
        """Whether to look into an entry."""
        try:
            if entry.is_symlink():
                return self._follow_links and entry.is_dir() and not self._is_inside(entry)
            return entry.is_dir()
        except OSError:
            return False

    def _is_listed(self, entry: "os.DirEntry[str]") -> bool:
        """Whether an entry that is no folder to look into is listed: all but links to folders below the base."""
        return not (entry.is_symlink() and os.path.isdir(entry.path) and self._is_inside(entry))  # noqa: PTH112

    def _is_inside(self, entry: "os.DirEntry[str]") -> bool:
        return is_below(os.path.realpath(entry.path), self._base)

    def _is_new(self, folder: str, parts_left: int) -> bool:
        """Whether a folder was not searched yet with as much of the pattern left: links may lead in circles."""
        try:
            found = os.stat(folder or ".")  # noqa: PTH116
        except OSError:
            return True
        key = (found.st_dev, found.st_ino, parts_left)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def _entries(folder: str) -> "Sequence[os.DirEntry[str]] | None":
    try:
        with os.scandir(folder or ".") as entries:
            return list(entries)
    except OSError:
        return None


def is_shown(path: str) -> bool:
    """Whether nothing in a path is hidden."""
    return not any(
        part.startswith(_HIDDEN_STARTS) or part.lower() in _HIDDEN_NAMES for part in path.split("/")
    )


def parts_of_pattern(pattern: str) -> list[str]:
    """The parts of a pattern; `**/**` is as much as `**`."""
    parts: list[str] = []
    for part in PurePath(pattern).parts:
        if part != _ANY_DEPTH or parts[-1:] != [_ANY_DEPTH]:
            parts.append(part)
    return parts
