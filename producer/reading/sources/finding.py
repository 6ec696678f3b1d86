"""Find the files behind a name: a file, a pattern, or a folder with its subfolders; on disk or behind a URL."""

import glob
import os
from dataclasses import dataclass

from qwenq.producer.object_stores import checked_name, is_url
from qwenq.producer.reading.sources import remote
from qwenq.producer.reading.sources.access import ANYWHERE, Access, Bounds
from qwenq.producer.reading.sources.listing import Listing, is_shown, parts_of_pattern
from qwenq.schemas.errors import NothingFound


def check_name(name: str, access: Access) -> str:
    """Return a name; a `file://` URL becomes a path. Raises UnknownProtocol and OutsideRoots."""
    name = checked_name(name)
    is_pattern = glob.has_magic(name) and (is_url(name) or not os.path.lexists(name))
    access.check(remote.path_before_pattern(name) or "." if is_pattern else name)
    return name


@dataclass(frozen=True, slots=True)
class Found:
    """The files behind one name, sorted by path, and where they may lie.

    `base` is the folder that holds them; None for a file's own name.
    """

    paths: list[str]
    base: str | None
    bounds: Bounds | None = None

    def below(self, path: str) -> str:
        """A file's path below the base."""
        return path.removeprefix(self.base or "").lstrip("/")


def find_files(name: str, access: Access = ANYWHERE) -> Found:
    """The files behind a name. Whether a file named itself exists is not checked.

    In folders and patterns, hidden files and hidden folders are left out. Raises NothingFound, UnreadableInput for a
    folder that cannot be listed, MissingExtra for a URL, and what `check_name` raises.
    """
    name = check_name(name, access)
    if is_url(name):
        return Found(*remote.files_at(name, is_shown))
    # A file's name may look like a pattern.
    if os.path.lexists(name) or not glob.has_magic(name):
        if not os.path.isdir(name):  # noqa: PTH112 - the name as it was given
            return Found([name], None, access.bounds_of_named())
        base = name
        paths = Listing(base, follow_links=access.follow_links).of_folder(base)
    else:
        base = remote.path_before_pattern(name)
        parts = parts_of_pattern(name.removeprefix(base))
        paths = Listing(base, follow_links=access.follow_links).of_pattern(base, parts)
    found = sorted(set(paths))
    if not found:
        raise NothingFound(source=name)
    return Found(found, base, access.bounds_of_found(base))
