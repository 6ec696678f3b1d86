"""Batches of a Parquet file, as many rows at a time as fit into a little memory.

The footer gives the packed form's size, in which a text that many rows share is counted once. So a batch begins with
one row, and grows while the rows stay small. How far it may grow is bounded by the dictionary, which holds the texts
that rows may share: its size stands before it in the file.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ColumnChunkMetaData, ParquetFile

BATCH_ROWS = 1_000
BATCH_BYTES = 8 * 1024 * 1024
"""What the rows of a batch should take."""
MOST_BATCH_BYTES = 32 * 1024 * 1024
"""What they may take at most if each of them holds the longest text of the dictionary."""
MOST_ROW_BYTES = 64 * 1024 * 1024
"""A row that takes more is over-long as JSON, whatever its types."""
_SMALL_BYTES = 64 * 1024
_HEADER_BYTES = 32
_TEXTS = frozenset({"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"})


class Batches:
    """The rows of a file's row groups, by the numbers of their leaf columns."""

    def __init__(self, parquet: "ParquetFile", file: BinaryIO) -> None:
        self._parquet = parquet
        self._file = file
        self._size = 1

    @property
    def groups(self) -> int:
        """How many row groups the file has."""
        return int(self._parquet.metadata.num_row_groups)

    def rows(self, group: int) -> int:
        """How many rows a group has."""
        return int(self._parquet.metadata.row_group(group).num_rows)

    def row_bytes(self, group: int, leaves: Sequence[int]) -> int:
        """The bytes of these columns in an average row, with a text that rows share counted once."""
        footer = self._parquet.metadata.row_group(group)
        size = sum(int(footer.column(leaf).total_uncompressed_size) for leaf in leaves)
        return size // max(int(footer.num_rows), 1)

    def of_group(self, group: int, leaves: Sequence[int]) -> "Iterator[RecordBatch]":
        """Read these columns of all rows of a group."""
        most = self._most_rows(group, leaves)
        reader = self._parquet.reader
        self._size = min(self._size, most)
        # In this thread alone: each other one would take memory of its own.
        read = reader.iter_batches(self._size, [group], column_indices=list(leaves), use_threads=False)
        while (batch := next(read, None)) is not None:
            row_bytes = max(batch.nbytes // max(batch.num_rows, 1), 1)
            self._size = max(1, min(2 * self._size, BATCH_BYTES // row_bytes, most))
            reader.set_batch_size(self._size)
            yield batch
            del batch  # Not two of them at a time.

    def _most_rows(self, group: int, leaves: Sequence[int]) -> int:
        footer = self._parquet.metadata.row_group(group)
        shared = 0
        for leaf in leaves:
            column = footer.column(leaf)
            if column.physical_type in _TEXTS:
                in_a_row = -(-column.num_values // max(footer.num_rows, 1))
                shared += in_a_row * self._longest_shared(column)
        return max(1, min(BATCH_ROWS, MOST_BATCH_BYTES // max(shared, 1)))

    def _longest_shared(self, column: "ColumnChunkMetaData") -> int:
        """The most bytes of a text that is stored once and may appear in many rows."""
        whole = int(column.total_uncompressed_size)
        if "DELTA_BYTE_ARRAY" in column.encodings:  # Each text may begin with the one before.
            return whole
        if whole <= _SMALL_BYTES or not any("DICTIONARY" in name for name in column.encodings):
            return whole if whole <= _SMALL_BYTES else 0
        # Older writers name only the first page.
        self._file.seek(column.dictionary_page_offset or column.data_page_offset)
        size = _dictionary_bytes(self._file.read(_HEADER_BYTES))
        return whole if size is None else min(size, whole)


def _dictionary_bytes(header: bytes) -> int | None:
    """The unpacked size in the header of a dictionary page, which is Thrift; None if it is not one.

    It begins with two numbers, each behind a byte that says so: the kind of the page, which is 2, and the size.
    """
    if header[:3] != b"\x15\x04\x15":
        return None
    value = shift = 0
    for byte in header[3:8]:
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value >> 1
    return None
