"""Parquet: streamed by batches within its row groups; values keep their types as far as JSON has them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.extras import require
from qwenq.producer.reading.lines import bad_row
from qwenq.producer.reading.rows import RowRules
from qwenq.producer.reading.sources.source import Source
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.header import check_header
from qwenq.producer.reading.tables.records import first_line, row_of
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import UnreadableInput

if TYPE_CHECKING:
    from pyarrow import RecordBatch
    from pyarrow.parquet import ParquetFile

BUFFER_BYTES = 1 << 20
BATCH_BYTES = 8 * 1024 * 1024
BATCH_ROWS = 1_000


def read_parquet(source: Source, rules: RowRules) -> Iterator[Row]:
    """The rows of a Parquet file, numbered from 1.

    Raises UnreadableInput for what is no Parquet file, UnknownColumn when it lacks the text or the id column,
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
                        yield bad_row(source.index, number, b"", columns)
                    else:
                        yield row_of(source.index, number, columns, rules, f"{source.prefix}{number}")
        except BrokenOff as broken:
            yield bad_row(source.index, number + 1, b"", f"the file broke off here: {broken.reason}")


def _opened(name: str, file: Any) -> "ParquetFile":
    from pyarrow.parquet import ParquetFile

    try:
        # Buffered, and not ahead: a row group may be larger than memory.
        return ParquetFile(file, pre_buffer=False, buffer_size=BUFFER_BYTES)
    except Exception as error:  # noqa: BLE001 - a damaged footer raises whatever its reader stumbles over
        reason = f"it is not a Parquet file, or damaged ({first_line(error)}); put a sound copy in its place"
        raise UnreadableInput(source=name, reason=reason) from None


def _batches(parquet: "ParquetFile") -> "Iterator[RecordBatch]":
    batches = parquet.iter_batches(_batch_rows(parquet))
    try:
        yield from batches
    except Exception as error:  # noqa: BLE001 - the same of damaged pages
        raise BrokenOff(first_line(error)) from None


def _batch_rows(parquet: "ParquetFile") -> int:
    """Rows a batch, by the size that the file says its rows have."""
    told = parquet.metadata
    groups = [told.row_group(place) for place in range(told.num_row_groups)]
    row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(row_bytes, 1)))


def _values(batch: "RecordBatch") -> Iterator[dict[str, Any] | str]:
    """Values by column, or why they cannot be had. A value that Python cannot hold costs its own row alone."""
    batch = _in_microseconds(batch)
    try:
        yield from batch.to_pylist()
    except (ValueError, OverflowError):
        for place in range(batch.num_rows):
            try:
                yield from batch.slice(place, 1).to_pylist()
            except (ValueError, OverflowError) as error:
                yield f"a value cannot be read: {first_line(error)}"


def _in_microseconds(batch: "RecordBatch") -> "RecordBatch":
    """Times with what Python can hold of them, as it has no nanoseconds."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            kind = pa.timestamp("us", field.type.tz)
            batch = batch.set_column(place, field.name, batch.column(place).cast(kind, safe=False))
    return batch
