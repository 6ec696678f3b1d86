"""Parquet: streamed in batches within its row groups. Values keep their types where JSON has them."""

import os
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.lines import OVER_LONG
from qwenq.producer.reading.parquet.batches import MOST_ROW_BYTES, Batches
from qwenq.producer.reading.parquet.columns import Column, are_conversations, chosen_columns
from qwenq.producer.reading.parquet.encryption import is_encrypted
from qwenq.producer.reading.parquet.not_numbers import NotNumbers
from qwenq.producer.reading.parquet.values import UnreadableValue, Values
from qwenq.producer.reading.parquet.wanted import EVERY_COLUMN, WantedColumns
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.tables.foreign import kind_instead
from qwenq.producer.reading.tables.pieces import (
    bad_row,
    broken_piece,
    columns_piece,
    good_row,
    notes_piece,
    row_pieces,
)
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BUFFER_BYTES = 1 << 20
MOST_GROUP_BYTES = 16 * 1024**3
"""The most bytes that a row group may unpack to. Groups are streamed, and writers make them of a million rows."""


def parquet_pieces(
    file: BinaryIO, wanted: WantedColumns = EVERY_COLUMN, *, first_only: bool
) -> Iterator[bytes]:
    """The columns and the rows of a Parquet file, numbered from 1. Raises UnreadableDocument if it is not one."""
    parquet = _opened(file)
    _check_groups(parquet)
    batches = Batches(parquet, file)
    columns, notes = chosen_columns(parquet, batches, wanted)
    values = Values(parquet.schema_arrow, columns)
    places = [column.place for column in columns]
    yield columns_piece(parquet.schema_arrow.names, places, conversations=are_conversations(parquet))
    if notes or values.notes:
        yield notes_piece([*notes, *values.notes])
    table = _Table(batches, columns, values)
    yield from row_pieces(table.rows(), first_only=first_only)
    if (note := table.not_numbers.note()) is not None:
        yield notes_piece([note])
    if table.broken:
        yield broken_piece(*table.broken)


class _Table:
    """The rows of a Parquet file, and where and why they broke off."""

    def __init__(self, batches: Batches, columns: list[Column], values: Values) -> None:
        self.broken: tuple[int, str] | None = None
        self.not_numbers = NotNumbers()
        self._batches = batches
        self._leaves = [leaf for column in columns for leaf in column.leaves]
        self._values = values
        self._number = 0

    def rows(self) -> Iterator[bytes]:
        """All rows. A value that cannot be read spoils only its own row."""
        try:
            for group in range(self._batches.groups):
                yield from self._group(group)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged pages raise any kind of error
            raise_if_short()
            self.broken = self._number + 1, reason_of(error)

    def _group(self, group: int) -> Iterator[bytes]:
        if not self._leaves or self._batches.row_bytes(group, self._leaves) > MOST_ROW_BYTES:
            # Their text would fill the memory before it could be measured. The footer says so.
            reason = OVER_LONG if self._leaves else "it has no column that can be read"
            for _ in range(self._batches.rows(group)):
                self._number += 1
                yield bad_row(self._number, reason)
            return
        # This holds no batch while the next one is read.
        yield from chain.from_iterable(map(self._rows, self._batches.of_group(group, self._leaves)))

    def _rows(self, batch: "RecordBatch") -> Iterator[bytes]:
        self.not_numbers.count(batch)
        for row in self._values.of_batch(batch):
            self._number += 1
            if isinstance(row, UnreadableValue):
                yield bad_row(self._number, row.reason, row.values)
            else:
                yield good_row(self._number, row)


def _opened(file: BinaryIO) -> "ParquetFile":
    if is_encrypted(file):
        reason = "it is encrypted, or some of its columns are; write it without encryption"
        raise UnreadableDocument(reason=reason)
    file.seek(0)
    # Other pools reserve more address space than they use.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    from pyarrow.parquet import ParquetFile

    if (kind := kind_instead(file, b"PAR")) is not None:
        raise UnreadableDocument(reason=f"it is {kind}")
    # Buffered, but without reading ahead: a row group may be larger than memory.
    options: dict[str, Any] = {"pre_buffer": False, "buffer_size": BUFFER_BYTES}
    try:
        # In nanoseconds, the old form of times would overflow outside of the years 1677 to 2262.
        return ParquetFile(file, page_checksum_verification=True, coerce_int96_timestamp_unit="us", **options)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged footer raises any kind of error
        raise_if_short()
        reason = f"it is not a Parquet file, or damaged ({reason_of(error)}); put a sound copy in its place"
        raise UnreadableDocument(reason=reason) from None


def _check_groups(parquet: "ParquetFile") -> None:
    """Raise UnreadableDocument for a row group that is too large, by its size in the footer, before it is unpacked."""
    footer = parquet.metadata
    for place in range(footer.num_row_groups):
        size = footer.row_group(place).total_byte_size
        if size > MOST_GROUP_BYTES:
            reason = (
                f"its row group {place + 1} unpacks to {size >> 20:,} MiB; the most is {MOST_GROUP_BYTES >> 20:,}."
                " Write it with smaller row groups"
            )
            raise UnreadableDocument(reason=reason)
