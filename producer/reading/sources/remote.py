"""Files behind URLs, in object stores and wherever else fsspec reaches: listed and opened."""

import glob
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from qwenq.producer.object_stores import filesystem_of
from qwenq.schemas.errors import NothingFound, QwenqError, UnreadableInput, reason_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


def opened(url: str) -> BinaryIO:
    """The file behind a URL; it can be read at any place. Raises UnreadableInput, MissingExtra."""
    with _told(url):
        system, path = filesystem_of(url)
        file: BinaryIO = system.open(path, "rb")
        return file


def files_at(url: str, wanted: Callable[[str], bool]) -> tuple[list[str], str | None]:
    """The URLs of the files that a URL, a pattern or a folder stands for, and the folder that they are in.

    That is None for the URL of a file. Of a folder, and of those that a pattern gives, only files whose path below
    it is `wanted` are there. Raises UnreadableInput, NothingFound, MissingExtra.
    """
    with _told(url):
        system, path = filesystem_of(url)
        # A process that lives for weeks would else be told what was there the first time.
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


def reason_told(error: Exception) -> str:
    """What a file system or an object store says is wrong, to stand in a sentence."""
    said = reason_of(error) if isinstance(error, OSError | ValueError) else str(error)
    return said.strip().partition("\n")[0].rstrip(".") or type(error).__name__


def path_before_pattern(path: str) -> str:
    """The folders of a pattern that come before its first wildcard, with the slash behind them."""
    parts = path.split("/")
    plain = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    return "".join(part + "/" for part in parts[:plain])


def _expanded(system: "AbstractFileSystem", found: Iterable[dict[str, str]]) -> Iterator[str]:
    for one in found:
        names = system.find(one["name"]) if one["type"] == "directory" else [one["name"]]
        # An object whose key ends in a slash stands for a folder.
        yield from (name for name in names if not name.endswith("/"))


@contextmanager
def _told(url: str) -> Iterator[None]:
    """Every store of objects has errors of its own: whatever comes, the URL cannot be read."""
    try:
        yield
    except QwenqError:
        raise
    except FileNotFoundError:
        raise UnreadableInput(source=url, reason="no such file or folder") from None
    except Exception as error:  # noqa: BLE001
        raise UnreadableInput(source=url, reason=reason_told(error)) from None
