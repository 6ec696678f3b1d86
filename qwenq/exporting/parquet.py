"""Writes lines as Parquet: typed columns, in groups of rows, so that memory stays bounded."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from qwenq.exporting.sheets import Line, Sheet
from qwenq.schemas.errors import MissingExtra
from qwenq.schemas.json_schema.answer_columns import ColumnKind
from qwenq.schemas.machine.installation import with_extra

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 20_000
GROUP_CHARACTERS = 16_000_000
"""A group ends at whichever limit comes first. Readers hold one group at a time too."""


def require_pyarrow() -> None:
    """Raise MissingExtra unless pyarrow is installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtra(what="A .parquet file", requirement=with_extra("parquet")) from None


def write_parquet(lines: Iterable[Line], sheet: Sheet[Line], output: BinaryIO) -> int:
    """Write a row for each line, with typed columns and JSON as text. Returns the number of rows."""
    require_pyarrow()
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    types = _types()
    schema = pa.schema([(name, types[kind]) for name, kind in sheet.kinds.items()])
    written = 0
    with ParquetWriter(output, schema, compression="zstd") as writer:
        for rows in _groups(map(sheet.row_of, lines)):
            columns = zip(*rows, strict=True)
            arrays = [_array(column, type_) for column, type_ in zip(columns, schema.types, strict=True)]
            writer.write_table(pa.table(arrays, schema=schema), row_group_size=len(rows))
            written += len(rows)
    return written


def _types() -> "dict[ColumnKind, pa.DataType]":
    import pyarrow as pa

    return {
        ColumnKind.STRING: pa.string(),
        ColumnKind.INTEGER: pa.int64(),
        ColumnKind.NUMBER: pa.float64(),
        ColumnKind.BOOLEAN: pa.bool_(),
        ColumnKind.JSON: pa.string(),
    }


def _array(values: Sequence[Any], type_: "pa.DataType") -> "pa.Array":
    import pyarrow as pa

    if type_ == pa.float64():  # pyarrow refuses a whole number that a float only comes near
        values = [None if value is None else float(value) for value in values]
    return pa.array(values, type_)


def _groups(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    group: list[tuple[Any, ...]] = []
    characters = 0
    for row in rows:
        group.append(row)
        characters += sum(len(value) for value in row if isinstance(value, str))
        if len(group) == GROUP_ROWS or characters >= GROUP_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group
