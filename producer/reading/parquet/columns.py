"""Which columns of a Parquet file are read: those that the job wants, without what is not text.

A file's columns are made of leaves, which are stored apart: a struct has a leaf for each of its members. A binary
leaf is read if the job names its column, or if its first values are text: older programs write all text so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qwenq.producer.reading.column_names import named
from qwenq.producer.reading.parquet.batches import MOST_ROW_BYTES, Batches
from qwenq.producer.reading.parquet.wanted import WantedColumns
from qwenq.schemas.errors import UnreadableDocument

if TYPE_CHECKING:
    from pyarrow import DataType
    from pyarrow.parquet import ParquetFile

_CONVERSATIONS = frozenset({"messages", "body"})
_LOOKED_AT = 16
"""How many values decide whether a binary column holds text."""
_BINARY = frozenset({"BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"})
_NOT_TEXT = frozenset({"NONE", "GEOMETRY", "GEOGRAPHY", "BSON", "INTERVAL"})
_CONTROLS = frozenset(range(0x20)) - frozenset(b"\t\n\r\f")


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is read: its place in the file, its name, the numbers of its leaves, and whether one is binary."""

    place: int
    name: str
    leaves: tuple[int, ...]
    is_binary: bool


def chosen_columns(
    parquet: "ParquetFile", batches: Batches, wanted: WantedColumns
) -> tuple[list[Column], list[str]]:
    """The columns to read, in the file's order, and notes about the others. Raises UnreadableDocument without any."""
    names = parquet.schema_arrow.names
    read = set(wanted.among(names, are_conversations=are_conversations(parquet)))
    chosen: list[Column] = []
    left_out: list[str] = []
    unread: list[str] = []
    for place, (name, leaves) in enumerate(zip(names, _leaves_of_columns(parquet), strict=True)):
        binary = [leaf for leaf in leaves if _is_binary(parquet, leaf)]
        if name not in read:
            if not wanted.only:
                (left_out if binary == leaves else unread).append(name)
            continue
        is_named = wanted.names is not None and name in wanted.names
        looked_at = [] if is_named and len(leaves) == 1 else binary
        without = [leaf for leaf in looked_at if not _is_text(batches, leaf)]
        left_out += [_shown(parquet, leaf) for leaf in without]
        kept = tuple(leaf for leaf in leaves if leaf not in without)
        if kept:
            chosen.append(Column(place, name, kept, any(leaf in binary for leaf in kept)))
    if read and not chosen:
        raise UnreadableDocument(reason=_why_nothing_is_read(names, left_out, wanted))
    return chosen, _notes(left_out, unread)


def are_conversations(parquet: "ParquetFile") -> bool:
    """Whether rows may be conversations: a list of messages, or the body of a request."""
    fields = (field for field in parquet.schema_arrow if field.name in _CONVERSATIONS)
    return any(field.type.num_fields > 0 for field in fields)


def _why_nothing_is_read(names: list[str], left_out: list[str], wanted: WantedColumns) -> str:
    if not left_out:
        return f"its columns hold nothing: {named(names)}"
    reason = f"it has no text to ask about, since these columns are binary: {named(left_out)}"
    if wanted.names is None or not set(wanted.names) <= set(names):
        how = f"as in --prompt '{{{{ {names[0]} }}}}'"
        return f"{reason}. If one of them is text in UTF-8, name it in the prompt, {how}; else write them as text"
    others = [name for name in names if name not in {*wanted.names, *left_out}]
    return f"{reason}. Write them as text" + (f", or name other columns: {named(others)}" if others else "")


def _notes(left_out: list[str], unread: list[str]) -> list[str]:
    binary = f"binary columns are left out: {named(left_out)}"
    others = f"columns that the prompt does not name are left out: {named(unread)}; --columns all reads them"
    return [note for note, names in ((binary, left_out), (others, unread)) if names]


def _leaves_of_columns(parquet: "ParquetFile") -> Iterator[list[int]]:
    first = 0
    for field in parquet.schema_arrow:
        count = _leaves(field.type)
        yield list(range(first, first + count))
        first += count


def _leaves(kind: "DataType") -> int:
    import pyarrow as pa

    if isinstance(kind, pa.BaseExtensionType):
        return _leaves(kind.storage_type)
    if kind.num_fields or pa.types.is_struct(kind):
        return sum(_leaves(kind.field(n).type) for n in range(kind.num_fields))
    return 1


def _is_binary(parquet: "ParquetFile", leaf: int) -> bool:
    column = parquet.schema.column(leaf)
    is_plain = column.logical_type.type in _NOT_TEXT and column.converted_type in {"NONE", "BSON", "INTERVAL"}
    return column.physical_type in _BINARY and is_plain


def _shown(parquet: "ParquetFile", leaf: int) -> str:
    return str(parquet.schema.column(leaf).path)


def _is_text(batches: Batches, leaf: int) -> bool:
    """Whether the first values of a leaf are text. Those that cannot be read are not."""
    seen = 0
    try:
        for group in range(batches.groups):
            if batches.row_bytes(group, [leaf]) > MOST_ROW_BYTES:
                return False
            for batch in batches.of_group(group, [leaf]):
                for value in _bytes_in(batch.column(0).to_pylist()):
                    seen += 1
                    if not _reads_as_text(value):
                        return False
                    if seen >= _LOOKED_AT:
                        return True
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - damaged pages raise any kind of error
        return False
    return seen > 0


def _bytes_in(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _bytes_in(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _bytes_in(one)


def _reads_as_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return _CONTROLS.isdisjoint(value)
