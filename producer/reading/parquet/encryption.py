"""Tell whether a Parquet file is encrypted. PyArrow ends the whole process when it meets an encrypted column.

https://parquet.apache.org/docs/file-format/data-pages/encryption: a footer may be encrypted, or only signed.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

_MAGIC = 4
_TAIL = 8
"""Bytes at the end of a file: the length of the footer, and a mark."""
_SIGNATURE = 28
_ALGORITHM = 8
"""The footer's field that names how columns are encrypted."""
_LOOKED_AT = 16_384
_NAMES_ALGORITHM = re.compile(rb"\x1c[\x1c\x2c]")
_MOST_DEPTH = 64
# The types of values in Thrift's compact protocol.
_BOOLEANS = (1, 2)
_BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 3, 7, 8, 9, 10, 12
_SHORT = 15


def is_encrypted(file: BinaryIO) -> bool:
    """Whether the footer or any column is encrypted. False for what is no Parquet file."""
    size = file.seek(0, 2)
    file.seek(max(size - _TAIL, 0))
    tail = file.read(_TAIL)
    if tail.endswith(b"PARE"):
        return True
    length = int.from_bytes(tail[:_MAGIC], "little")
    start = size - _TAIL - length
    if not tail.endswith(b"PAR1") or length <= _SIGNATURE or start < 0:
        return False
    # Behind a footer of encrypted columns stands a signature. Most others need not be parsed.
    file.seek(max(start, size - _TAIL - _LOOKED_AT))
    end = file.read(size - _TAIL - file.tell())
    if end[-1 - _SIGNATURE] != 0 or not _NAMES_ALGORITHM.search(end):
        return False
    file.seek(start)
    footer = _Footer(file.read(length))
    try:
        return any(field == _ALGORITHM for field in footer.fields())
    except (IndexError, RecursionError):
        return False


class _Footer:
    """A struct of Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def fields(self, depth: int = 0) -> Iterator[int]:
        """The numbers of its fields. What they hold is passed over. Raises IndexError if it is cut off."""
        if depth > _MOST_DEPTH:
            raise RecursionError
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else _signed(self._number())
            yield number
            self._pass(head & 15, depth)

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _number(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
                return number
            shift += 7

    def _pass(self, kind: int, depth: int) -> None:
        if kind in _BOOLEANS:
            return
        if kind == _BYTE:
            self._at += 1
        elif kind == _DOUBLE:
            self._at += 8
        elif kind == _BINARY:
            length = self._number()
            self._at += length
        elif kind in (_LIST, _SET):
            self._pass_list(depth)
        elif kind == _STRUCT:
            for _ in self.fields(depth + 1):
                pass
        else:
            self._number()

    def _pass_list(self, depth: int) -> None:
        head = self._byte()
        count = head >> 4 if head >> 4 < _SHORT else self._number()
        kind = head & 15
        for _ in range(count):
            # A boolean in a list takes a byte.
            self._pass(_BYTE if kind in _BOOLEANS else kind, depth + 1)


def _signed(number: int) -> int:
    return number >> 1 ^ -(number & 1)
