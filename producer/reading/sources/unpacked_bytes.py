"""How many bytes the compressed files of a job hold together: a small file may hold a thousand times its size."""

from collections.abc import Iterable, Iterator

from qwenq.schemas.errors import InputTooLarge

MAX_JOB_BYTES = "QWENQ_MAX_JOB_BYTES"


class UnpackedBytes:
    """Counts the bytes that a job's compressed files hold, up to `most`; None is no limit."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._bytes = 0

    def counting(self, name: str, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks of a file. Raises InputTooLarge once there are too many bytes."""
        line = 1
        for block in blocks:
            self._bytes += len(block)
            if self._most is not None and self._bytes > self._most:
                reached = f"unpacked, the compressed files hold more than {self._most:,} bytes"
                raise InputTooLarge(source=name, line=line, reached=reached, setting=MAX_JOB_BYTES)
            line += block.count(b"\n")
            yield block
