"""Names of files: paths, and URLs of object stores such as `s3://bucket/folder/file.jsonl`, with what opens them."""

import re
from typing import TYPE_CHECKING

from qwenq.schemas.errors import MissingExtra, UnknownProtocol, UnreadableInput
from qwenq.schemas.machine.installation import with_extra

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*::)*([A-Za-z][A-Za-z0-9+.-]+)://")
_FILE = "file://"
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The protocols that are opened, with the extra of qwenq that installs their package.

fsspec knows many more. Some of them read whatever a file names, local files included, or ask servers that nobody named;
so this list is fixed.
"""
CHAIN = "::"
"""What fsspec takes for the joint of a chain of file systems, wherever it stands in a URL."""


def is_url(name: str) -> bool:
    """Whether a name is a URL, not a path."""
    return _URL.match(name) is not None


def checked_name(name: str) -> str:
    """Return a path or the URL of an object store; a `file://` URL becomes its path.

    Raises UnknownProtocol for any other URL, and for one with `::`, which fsspec takes for a chain of file systems.
    """
    found = _URL.match(name)
    if found is None:
        return name
    if name[: len(_FILE)].lower() == _FILE:
        return name[len(_FILE) :]
    if found[1].lower() not in _EXTRAS or CHAIN in name:
        raise UnknownProtocol(url=name)
    return name


def filesystem_of(url: str) -> "tuple[AbstractFileSystem, str]":
    """The file system behind the URL of an object store, and the URL's path in it.

    Raises MissingExtra if a package is not installed, UnknownProtocol, and UnreadableInput for a damaged URL.
    """
    from fsspec.core import url_to_fs

    if not is_url(checked_name(url)):
        raise UnknownProtocol(url=url)
    try:
        filesystem, path = url_to_fs(url)
    except ImportError:
        raise MissingExtra(
            what=url, requirement=with_extra(_EXTRAS[url.partition("://")[0].lower()])
        ) from None
    except ValueError as error:
        raise UnreadableInput(source=url, reason=str(error)) from None
    return filesystem, str(path)
