"""List and open files behind the URLs of object stores."""

import glob
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from qwenq.producer.object_stores import CHAIN, filesystem_of
from qwenq.schemas.errors import NothingFound, QwenqError, UnreadableInput, reason_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def open_url(url: str) -> BinaryIO:
    """Open the file behind a URL, for reading at any place. Raises UnreadableInput, MissingExtra."""
    with _as_unreadable(url):
        if CHAIN in url:
            raise UnreadableInput(source=url, reason=f"its name holds {CHAIN}; rename it")
        system, path = filesystem_of(url)
        file: BinaryIO = system.open(path, "rb")
        return file


def files_at(url: str, wanted: Callable[[str], bool]) -> tuple[list[str], str | None]:
    """The URLs of the files behind a URL, a pattern or a folder, and the folder that holds them.

    For the URL of a file, the folder is None. In a folder, and among a pattern's matches, only files whose path below
    it is `wanted` count. Raises UnreadableInput, NothingFound, MissingExtra.
    """
    with _as_unreadable(url):
        system, path = filesystem_of(url)
        # Otherwise a process that lives for weeks would see the first listing forever.
        system.invalidate_cache()
        if glob.has_magic(path):
            base = path_before_pattern(path)
            paths = _expanded(system, system.glob(path, detail=True).values())
        elif system.info(path)["type"] == "directory":
            base, paths = path, _expanded(system, [{"name": path, "type": "directory"}])
        else:
            return [url], None
        inside = [name for name in sorted(set(paths)) if wanted(name.removeprefix(base))]
        if not inside:
            raise NothingFound(source=url)
        return [system.unstrip_protocol(name) for name in inside], system.unstrip_protocol(base)


def path_before_pattern(path: str) -> str:
    """The folders before a pattern's first wildcard, with a slash at the end."""
    parts = path.split("/")
    plain = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return "".join(part + "/" for part in parts[:plain])


def _expanded(system: "AbstractFileSystem", found: Iterable[dict[str, str]]) -> Iterator[str]:
    for one in found:
        names = system.find(one["name"]) if one["type"] == "directory" else [one["name"]]
        # In object stores, a key that ends in a slash marks a folder.
        yield from (name for name in names if not name.endswith("/"))


@contextmanager
def _as_unreadable(url: str) -> Iterator[None]:
    """Turn any error into UnreadableInput: every object store has its own errors."""
    try:
        yield
    except QwenqError:
        raise
    except FileNotFoundError:
        raise UnreadableInput(source=url, reason="no such file or folder") from None
    except Exception as error:  # noqa: BLE001
        raise UnreadableInput(source=url, reason=reason_of(error)) from None
