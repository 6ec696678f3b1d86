"""URLs of object stores, as `s3://bucket/folder/file.jsonl`, and what opens them."""

import re
from typing import TYPE_CHECKING

from qwenq.schemas.errors import MissingExtra, UnreadableInput

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"""By protocol: the extra of qwenq that brings its package."""


def is_url(name: str) -> bool:
    """Whether a name is a URL and no path."""
    return _URL.match(name) is not None


def filesystem_of(url: str) -> "tuple[AbstractFileSystem, str]":
    """What opens a URL, and the URL's path there.

    Raises MissingExtra where a package is not installed, UnreadableInput for a protocol that nobody knows.
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
