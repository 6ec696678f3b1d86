"""An object store in memory that answers to `s3://`: the tests need neither s3fs nor a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as registry


class Bucket(MemoryFileSystem):  # type: ignore[misc]
    """fsspec's file system in memory under the protocol of S3."""

    protocol = ("s3", "s3a")
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        for protocol in cls.protocol:
            path = path.removeprefix(f"{protocol}://")
        return "/" + path.strip("/")

    def unstrip_protocol(self, name: str) -> str:
        """The URL of a path."""
        return f"s3://{self._strip_protocol(name).lstrip('/')}"


@contextmanager
def buckets() -> Iterator[Bucket]:
    """Let `s3://` be an empty store in memory for a block."""
    with patch.dict(registry, dict.fromkeys(Bucket.protocol, Bucket)):
        try:
            yield Bucket()
        finally:
            Bucket.store.clear()
            Bucket.pseudo_dirs[:] = [""]
