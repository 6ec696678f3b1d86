"""Counts NaN and Infinity, which JSON does not have: they become null, and a person should know."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.column_names import named

if TYPE_CHECKING:
    from pyarrow import Array, DataType, RecordBatch


class NotNumbers:
    """How many values of each column are NaN or Infinity."""

    def __init__(self) -> None:
        self._found: Counter[str] = Counter()
        self._floating: dict[int, bool] = {}

    def count(self, batch: "RecordBatch") -> None:
        """Count those of a batch, also inside of structs and lists. Batches have the same columns."""
        for place in range(batch.num_columns):
            if place not in self._floating:
                self._floating[place] = _has_floating(batch.schema.field(place).type)
            if self._floating[place] and (found := sum(map(_count, _leaves(batch.column(place))))):
                self._found[batch.schema.field(place).name] += found

    def note(self) -> str | None:
        """What to say of them; None if there are none."""
        total = self._found.total()
        if not total:
            return None
        values = "1 value" if total == 1 else f"{total:,} values"
        columns = named(list(self._found))
        return f"NaN or Infinity, which JSON does not have, was read as null ({values} in {columns})"


def _has_floating(kind: "DataType") -> bool:
    import pyarrow as pa

    if pa.types.is_floating(kind):
        return True
    return any(_has_floating(kind.field(place).type) for place in range(kind.num_fields))


def _leaves(array: "Array[Any]") -> Iterator["Array[Any]"]:
    """The arrays of floating numbers in an array, without what nulls hide."""
    import pyarrow as pa

    if pa.types.is_floating(array.type):
        yield array
    elif isinstance(array, pa.StructArray):
        for member in array.flatten():
            yield from _leaves(member)
    elif isinstance(array, pa.MapArray):
        yield from _leaves(array.items)
    elif isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        yield from _leaves(array.flatten())


def _count(numbers: "Array[Any]") -> int:
    import pyarrow as pa
    from pyarrow import compute

    if numbers.type == pa.float16():
        numbers = numbers.cast(pa.float32())
    finite = compute.sum(compute.is_finite(numbers)).as_py() or 0
    return int(len(numbers) - numbers.null_count - finite)
