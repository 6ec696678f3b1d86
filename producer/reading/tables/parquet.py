"""Parquet: streamed in batches within its row groups. Values keep their types where JSON has them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.column_values import row_from_columns
from qwenq.producer.reading.optional_packages import require
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.header import check_header
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UnreadableInput, reason_of

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BUFFER_BYTES = 1 << 20
BATCH_BYTES = 8 * 1024 * 1024
BATCH_ROWS = 1_000


def read_parquet(source: Source, rules: RowRules) -> Iterator[Row]:
    """The rows of a Parquet file, numbered from 1.

    Raises UnreadableInput if it is not a Parquet file, UnknownColumn if it lacks the text or the id column, and
    MissingExtra.
    """
    require("pyarrow", "parquet", "reading Parquet files")
    with source.file.seekable() as file:
        parquet = _opened(source.name, file)
        check_header(source.name, parquet.schema_arrow.names, rules)
        number = 0
        try:
            for batch in _batches(parquet):
                for columns in _values(batch):
                    number += 1
                    if isinstance(columns, str):
                        yield BadRow.from_raw(source.index, number, b"", columns)
                    else:
                        yield row_from_columns(
                            source.index, number, columns, rules, f"{source.prefix}{number}"
                        )
        except BrokenOff as broken:
            yield BadRow.from_raw(source.index, number + 1, b"", f"the file broke off here: {broken.reason}")


def _opened(name: str, file: Any) -> "ParquetFile":
    from pyarrow.parquet import ParquetFile

    try:
        # Buffered, but without reading ahead: a row group may be larger than memory.
        return ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
    except Exception as error:  # noqa: BLE001 - a damaged footer raises any kind of error
        reason = f"it is not a Parquet file, or damaged ({reason_of(error)}); put a sound copy in its place"
        raise UnreadableInput(source=name, reason=reason) from None


def _batches(parquet: "ParquetFile") -> "Iterator[RecordBatch]":
    batches = parquet.iter_batches(_batch_rows(parquet))
    try:
        yield from batches
    except Exception as error:  # noqa: BLE001 - so do damaged pages
        raise BrokenOff(reason_of(error)) from None


def _batch_rows(parquet: "ParquetFile") -> int:
    """How many rows to read at once, by their size as the footer gives it."""
    footer = parquet.metadata
    groups = [footer.row_group(place) for place in range(footer.num_row_groups)]
    row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(row_bytes, 1)))


def _values(batch: "RecordBatch") -> Iterator[dict[str, Any] | str]:
    """Each row: its values by column, or the reason why they cannot be read. A bad value spoils only its own row."""
    batch = _in_microseconds(batch)
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):
        for place in range(batch.num_rows):
            try:
                yield from batch.slice(place, 1).to_pylist()
            except (ValueError, OverflowError) as error:
                yield f"a value cannot be read: {reason_of(error)}"


def _in_microseconds(batch: "RecordBatch") -> "RecordBatch":
    """Cut nanoseconds off times: Python has none."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(place, field.name, batch.column(place).cast(kind, safe=False))
    return batch
