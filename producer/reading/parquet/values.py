"""Values of Parquet columns as Python has them.

Times have no nanoseconds, and zones that this machine knows. Numbers of 32 bits print as they were written: 0.1, and
not 0.10000000149011612.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.column_names import shortened
from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.parquet.batches import BATCH_BYTES, MOST_ROW_BYTES
from qwenq.producer.reading.parquet.columns import Column
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.schemas.errors import reason_of

if TYPE_CHECKING:
    from pyarrow import Array, DataType, RecordBatch, Schema

_BINARY = (
    "it is binary, and not text in UTF-8. Leave it out of the prompt, or name other columns with --columns"
)


@dataclass(frozen=True, slots=True)
class UnreadableValue:
    """A row that cannot be read: why, and the values before the one at fault."""

    reason: str
    values: Sequence[object] = ()


class Values:
    """The values of each row. `notes`: what a person should know about their types."""

    def __init__(self, schema: "Schema", columns: Sequence[Column]) -> None:
        unknown: dict[str, str] = {}
        self._columns = columns
        self._kinds: list[list[DataType]] | None = None
        for column in columns:
            _conversions(schema.field(column.place).type, column.name, unknown)
        self.notes = [
            f"column {shortened(name)!r}: its time zone {zone[:40]!r} is unknown here; its times are given in UTC"
            for zone, name in unknown.items()
        ]

    def of_batch(self, batch: "RecordBatch") -> Iterator[Sequence[Any] | UnreadableValue]:
        """The values of each row in order of the columns, or the reason why they cannot be read."""
        if batch.nbytes <= BATCH_BYTES:
            try:
                yield from list(
                    zip(*[self._values(batch, n) for n in range(len(self._columns))], strict=True)
                )
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001 - a date that Python lacks, text that is not UTF-8
                raise_if_short()
            else:
                return
        for place in range(batch.num_rows):
            yield self._row(batch.slice(place, 1))

    def _row(self, row: "RecordBatch") -> Sequence[Any] | UnreadableValue:
        if row.nbytes > MOST_ROW_BYTES:
            return UnreadableValue(OVER_LONG)
        values: list[Any] = []
        for place, column in enumerate(self._columns):
            try:
                values += self._values(row, place)
            except MemoryError:
                raise
            except UnicodeDecodeError as error:
                raise_if_short()
                reason = _BINARY if column.is_binary else reason_of(error)
                return UnreadableValue(_unreadable(column, reason), values)
            except Exception as error:  # noqa: BLE001
                raise_if_short()
                return UnreadableValue(_unreadable(column, reason_of(error)), values)
        if row.nbytes > LINE_LIMIT and _chars(values) > LINE_LIMIT:
            # Before it is written as JSON: orjson reserves 16 times the memory of a text.
            return UnreadableValue(OVER_LONG, values)
        return values

    def _values(self, batch: "RecordBatch", place: int) -> list[Any]:
        array: Array[Any] = batch.column(place)
        if self._kinds is None:
            # By what is read of a type: a struct may have members that are left out.
            self._kinds = [_conversions(field.type, field.name, {}) for field in batch.schema]
        for kind in self._kinds[place]:
            array = array.cast(kind, safe=False)
        values: list[Any] = array.to_pylist()
        return [_decoded(value) for value in values] if self._columns[place].is_binary else values


def _unreadable(column: Column, reason: str) -> str:
    return f"the column {shortened(column.name)!r} cannot be read: {reason}"


def _chars(value: Any) -> int:
    """The characters of all texts in a value."""
    match value:
        case str():
            return len(value)
        case dict():
            return sum(map(_chars, value.values()))
        case list() | tuple():
            return sum(map(_chars, value))
    return 0


def _decoded(value: Any) -> Any:
    """Binary as text. Raises UnicodeDecodeError."""
    match value:
        case bytes():
            return value.decode()
        case dict():
            return {name: _decoded(one) for name, one in value.items()}
        case list():
            return [_decoded(one) for one in value]
        case tuple():
            return tuple(_decoded(one) for one in value)
    return value


def _conversions(kind: "DataType", name: str, unknown: dict[str, str]) -> "list[DataType]":
    """The types to convert a column's values to, one after the other. Notes zones that are unknown."""
    timed = _changed(kind, partial(_changed_time, name=name, unknown=unknown))
    # As text, a number of 32 bits has the digits that it was written with.
    written = _changed(timed, _float_as_text)
    steps = [timed] if written == timed else [written, _changed(timed, _float_as_double)]
    return [] if steps == [kind] else steps


def _changed(kind: "DataType", change: "Callable[[DataType], DataType]") -> "DataType":
    """The same type with other simple types, inside of lists, structs and maps too."""
    import pyarrow as pa

    def inner(field: "pa.Field[Any]") -> "pa.Field[Any]":
        return field.with_type(_changed(field.type, change))

    match kind:
        case pa.StructType():
            changed: DataType = pa.struct([inner(kind.field(place)) for place in range(kind.num_fields)])
        case pa.MapType():
            changed = pa.map_(inner(kind.key_field), inner(kind.item_field), kind.keys_sorted)
        case pa.FixedSizeListType():
            changed = pa.list_(inner(kind.value_field), kind.list_size)
        case pa.LargeListType():
            changed = pa.large_list(inner(kind.value_field))
        case pa.ListType():
            changed = pa.list_(inner(kind.value_field))
        case pa.DictionaryType():
            value = _changed(kind.value_type, change)
            changed = kind if value == kind.value_type else value
        case _:
            changed = change(kind)
    return changed


def _float_as_text(kind: "DataType") -> "DataType":
    import pyarrow as pa

    return pa.string() if kind == pa.float32() else kind


def _float_as_double(kind: "DataType") -> "DataType":
    import pyarrow as pa

    return pa.float64() if kind == pa.float32() else kind


def _changed_time(kind: "DataType", name: str, unknown: dict[str, str]) -> "DataType":
    """A type without nanoseconds and unknown zones."""
    import pyarrow as pa

    match kind:
        case pa.TimestampType():
            zone = kind.tz
            if zone and not _is_known(zone):
                unknown.setdefault(zone, name)
                zone = "UTC"
            return pa.timestamp(_coarse(kind.unit), zone)
        case pa.DurationType():
            return pa.duration(_coarse(kind.unit))
        case pa.Time64Type():
            return pa.time64("us")
    return kind


def _coarse(unit: str) -> str:
    return "us" if unit == "ns" else unit


def _is_known(zone: str) -> bool:
    from pyarrow.lib import string_to_tzinfo

    try:
        string_to_tzinfo(zone)
    except Exception:  # noqa: BLE001 - each library of time zones has its own errors
        return False
    return True
