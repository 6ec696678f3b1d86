"""Where the storage keeps bytes: what it needs of a folder and of a bucket."""

from collections.abc import Iterator
from typing import Protocol

BLOCK_BYTES = 1 << 20


class Writing(Protocol):
    """Bytes on their way to a name, where nobody finds them yet."""

    def write(self, data: bytes) -> None:
        """Add bytes."""

    def keep(self) -> None:
        """Have all bytes found under the name, safe from a power cut."""

    def drop(self) -> None:
        """Leave nothing behind."""


class Place(Protocol):
    """Keeps bytes under names without slashes. Threads may share it. Methods raise what the folder or bucket raises."""

    def begin(self, name: str) -> Writing:
        """Begin to write."""

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes, a block at a time. Raises FileNotFoundError."""

    def size(self, name: str) -> int:
        """How many bytes. Raises FileNotFoundError."""

    def remove(self, name: str) -> None:
        """Remove a name. Raises FileNotFoundError."""

    def older(self, moment: float) -> Iterator[str]:
        """The names that were kept before a moment, in seconds since 1970. Half writings from before are removed."""
