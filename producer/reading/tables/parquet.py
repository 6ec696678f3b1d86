"""Parquet: streamed in batches within its row groups. Values keep their types where JSON has them."""

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.tables.pieces import bad_row, broken_piece, columns_piece, good_row, row_pieces
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BUFFER_BYTES = 1 << 20
BATCH_BYTES = 8 * 1024 * 1024
BATCH_ROWS = 1_000
MOST_GROUP_BYTES = 16 * 1024**3
"""The most bytes that a row group may unpack to. Groups are streamed, and writers make them of a million rows."""


def parquet_pieces(file: BinaryIO, *, first_only: bool) -> Iterator[bytes]:
    """The columns and the rows of a Parquet file, numbered from 1. Raises UnreadableDocument if it is not one."""
    parquet = _opened(file)
    _check_groups(parquet)
    yield columns_piece(parquet.schema_arrow.names)
    table = _Table(parquet)
    yield from row_pieces(table.rows(), first_only=first_only)
    if table.broken:
        yield broken_piece(*table.broken)


class _Table:
    """The rows of a Parquet file, and where and why they broke off."""

    def __init__(self, parquet: "ParquetFile") -> None:
        self.broken: tuple[int, str] | None = None
        self._parquet = parquet

    def rows(self) -> Iterator[bytes]:
        """All rows. A value that cannot be read spoils only its own row."""
        number = 0
        try:
            # In this thread alone: each other one would take memory of its own.
            for batch in self._parquet.iter_batches(_batch_rows(self._parquet), use_threads=False):
                for values in _values(batch):
                    number += 1
                    yield bad_row(number, values) if isinstance(values, str) else good_row(number, values)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged pages raise any kind of error
            raise_if_short()
            self.broken = number + 1, reason_of(error)


def _opened(file: BinaryIO) -> "ParquetFile":
    # Other pools reserve more address space than they use.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    from pyarrow.parquet import ParquetFile

    try:
        # Buffered, but without reading ahead: a row group may be larger than memory.
        return ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
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


def _batch_rows(parquet: "ParquetFile") -> int:
    """How many rows to read at once, by their size as the footer gives it."""
    footer = parquet.metadata
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(row_bytes, 1)))


def _values(batch: "RecordBatch") -> Iterator[Iterable[Any] | str]:
    """Each row: its values, or the reason why they cannot be read."""
    batch = _in_microseconds(batch)
    try:
        yield from _rows(batch)
    except (ValueError, OverflowError):
        for place in range(batch.num_rows):
            try:
                yield from _rows(batch.slice(place, 1))
            except (ValueError, OverflowError) as error:
                yield f"a value cannot be read: {reason_of(error)}"


def _rows(batch: "RecordBatch") -> Iterable[tuple[Any, ...]]:
    return zip(*[column.to_pylist() for column in batch.columns], strict=True)


def _in_microseconds(batch: "RecordBatch") -> "RecordBatch":
    """Cut nanoseconds off times: Python has none."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(place, field.name, batch.column(place).cast(kind, safe=False))
    return batch
