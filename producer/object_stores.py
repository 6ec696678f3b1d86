"""URLs of object stores, such as `s3://bucket/folder/file.jsonl`, and the file systems that open them."""

import re
from typing import TYPE_CHECKING

from qwenq.schemas.errors import MissingExtra, UnreadableInput

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""The extra of qwenq that installs the package of a protocol."""


def is_url(name: str) -> bool:
    """Whether a name is a URL, not a path."""
    return _URL.match(name) is not None


def filesystem_of(url: str) -> "tuple[AbstractFileSystem, str]":
    """The file system behind a URL, and the URL's path in it.

    Raises MissingExtra if a package is not installed, UnreadableInput for an unknown protocol.
    """
    from fsspec.core import url_to_fs

    protocol = url.partition("://")[0].lower()
    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        if extra := _EXTRAS.get(protocol):
            raise MissingExtra(what=url, extra=extra) from None
        raise UnreadableInput(source=url, reason=str(error)) from None
    except ValueError as error:
        raise UnreadableInput(source=url, reason=str(error)) from None
    return filesystem, str(path)
