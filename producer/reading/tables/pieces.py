"""What the reader process answers about a table: pieces of JSON, which the process that asked turns into rows.

{"columns": [name, …], "read": [place, …] or null}     once, first; which of them are read, if not all
{…, "conversations": true}                             the same of rows that need no text
{"where": text}                                        before the columns: where they were looked for
{"title": text, "seems": text}                         before the columns: the first row, which may be no header
{"notes": [note, …]}                                   what a person should know about the file; also after rows
{"sheet": name}                                        the sheet of the rows that follow
{"rows": [[number, [value, …]], …]}                    values in the order of the columns that are read
{"rows": [[number, [value, …], {place: fault}], …]}    what is wrong with values, by their places in the row
{"rows": [[number, null, reason, beginning], …]}       a bad row, with the beginning of its text
{"broken": [number, reason]}                           last: the file broke off at this row
{"refused": reason}                                    instead of all others
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.schemas.documents import RAW_CHARS

PIECE_ROWS = 1_000
"""The rows of a piece. The limit of time grows with each piece."""
PIECE_BYTES = 1 << 20
_SHOWN_CHARS = RAW_CHARS + 1


def columns_piece(
    names: Sequence[str], read: Sequence[int] | None = None, *, conversations: bool = False
) -> bytes:
    """The columns of a table, the places of those that are read, and whether rows are conversations."""
    return _dumps({"columns": list(names), "read": read, "conversations": conversations})


def notes_piece(notes: Sequence[str]) -> bytes:
    """What a person should know about the table."""
    return _dumps({"notes": list(notes)})


def where_piece(text: str) -> bytes:
    """Where columns are looked for, to show if one is missing."""
    return _dumps({"where": text})


def title_piece(text: str, seems: str) -> bytes:
    """The first row of a sheet, if it may be no header; what it seems to be, and what to do."""
    return _dumps({"title": text, "seems": seems})


def sheet_piece(name: str) -> bytes:
    """The sheet of the rows that follow."""
    return _dumps({"sheet": name})


def broken_piece(number: int, reason: str) -> bytes:
    """The end of a table that broke off at a row."""
    return _dumps({"broken": [number, reason]})


def refused_piece(reason: str) -> bytes:
    """The answer about a table that cannot be read at all."""
    return _dumps({"refused": reason})


def row_pieces(rows: Iterable[bytes | None], *, first_only: bool) -> Iterator[bytes]:
    """Join rows, as `good_row` and `bad_row` give them, into pieces. None is a row that was skipped."""
    held: list[bytes] = []
    seen = size = 0
    for row in rows:
        seen += 1
        if row is not None:
            held.append(row)
            size += len(row)
        if seen >= PIECE_ROWS or size >= PIECE_BYTES or (first_only and held):
            yield b'{"rows":[' + b",".join(held) + b"]}"
            if first_only and held:
                return
            held, seen, size = [], 0, 0
    if held:
        yield b'{"rows":[' + b",".join(held) + b"]}"


def good_row(number: int, values: Iterable[Any], faults: Mapping[int, str] | None = None) -> bytes:
    """A row of values. Dates become ISO 8601, exact decimals text, and bytes the UTF-8 text that they hold.

    `faults` says what is wrong with values, by their places, from 0: such a row is bad if the job uses one of them.
    A row that cannot be written so, or is over-long, becomes a bad row.
    """
    kept = list(values)
    try:
        written = orjson.dumps(kept, default=_plain)
    except orjson.JSONEncodeError as error:
        reason = f"a value cannot be written as text: {error.__cause__ or error}"
        return bad_row(number, reason, kept)
    if len(written) > LINE_LIMIT:
        return bad_row(number, OVER_LONG, kept)
    if faults:
        told = {str(place): reason for place, reason in faults.items()}
        return b"[%d,%b,%b]" % (number, written, _dumps(told))
    return b"[%d,%b]" % (number, written)


def bad_row(number: int, reason: str, values: Iterable[object] = ()) -> bytes:
    """A bad row with the beginning of its values."""
    shown = "\t".join(str(value)[:_SHOWN_CHARS] for value in islice(values, _SHOWN_CHARS))
    return _dumps([number, None, reason[:_SHOWN_CHARS], shown[: 4 * _SHOWN_CHARS]])


def _dumps(value: object) -> bytes:
    """Text of foreign files may hold surrogates, which JSON cannot."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return orjson.dumps(_escaped(value))


def _escaped(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case list():
            return [_escaped(one) for one in value]
        case dict():
            return {key: _escaped(one) for key, one in value.items()}
    return value


def _plain(value: object) -> str:
    match value:
        case bytes():
            return value.decode()
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat()
        case timedelta():
            return str(value)
    raise TypeError(type(value).__name__)
