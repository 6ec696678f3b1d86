"""JSON: one object on each line, or objects in an array or one after the other. Its text is the document's content."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

from qwenq.producer.reading.foreign_shapes import advice_about, is_frame, no_object
from qwenq.producer.reading.json_values import JsonValue, JsonValues, is_open, without_not_numbers
from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG, line_batches
from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.foreign import foreign_kind
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidOverride, InvalidRow, InvalidText, UnreadableInput

_MARK = b"\xef\xbb\xbf"
_BEGINNINGS = (b"{", b"[", b"")
_DELIMITERS = b",;\t|"
_BETWEEN = b" \t\r\n\x1e"
"""What may stand before and behind an object; the last one begins each in JSON text sequences."""
_HALVES = ("surrogate", "hex escape")
"""What orjson says of half a surrogate pair."""


def read_jsonl(source: OpenSource, rules: RowRules, id_prefix: str, notes: Notes) -> Iterator[Row]:
    """The rows of a JSON input. A row without an id gets `id_prefix` and its line number.

    Raises UnreadableInput for UTF-16, and for a file of another kind.
    """
    first = next(source.blocks, b"")
    if b"\0" in first[:2]:
        reason = "it is UTF-16 or UTF-32 without a byte order mark; save it as UTF-8"
        raise UnreadableInput(source=source.name, reason=reason)
    if (
        first[:1] not in _BEGINNINGS
        and (kind := foreign_kind(first)) is not None
        and not kind.startswith("JSON")
    ):
        raise UnreadableInput(source=source.name, reason=f"it is {kind}")
    blocks = chain((first,), source.blocks)
    reader = _Reader(source.index, rules, id_prefix)
    rows = reader.lines(blocks) if _is_plain(first) else reader.values(blocks, 1)
    return chain(rows, reader.notes(source.name, notes))


def _is_plain(first: bytes) -> bool:
    """Whether the first line is a row, as in JSON Lines."""
    line, end, _ = first.lstrip().partition(b"\n")
    try:
        row = orjson.loads(line) if end else None
        return type(row) is dict and not is_frame(row)
    except orjson.JSONDecodeError:
        return False


class _Reader:
    """Reads the rows of one input."""

    def __init__(self, index: int, rules: RowRules, id_prefix: str) -> None:
        self._index = index
        self._rules = rules
        self._prefix = id_prefix
        self._nulls = 0

    def notes(self, name: str, notes: Notes) -> Iterator[Row]:
        """No more rows: behind all others, note what there is to say of them."""
        if self._nulls:
            values = "1 value" if self._nulls == 1 else f"{self._nulls:,} values"
            notes.add(name, f"NaN or Infinity, which JSON does not have, was read as null ({values})")
        yield from ()

    def lines(self, blocks: Iterator[bytes]) -> Iterator[Row]:
        """The rows of JSON Lines. A line that goes on in the next is read as JSON in any form, as is what follows."""
        index, prefix, number = self._index, self._prefix, 0
        self._rules.begin_input()
        # `submit` runs this loop for every document: names are local, and nothing is built twice.
        loads, custom_id, check = orjson.loads, self._rules.custom_id, self._rules.check
        batches = line_batches(blocks)
        try:
            for batch in batches:
                waiting = iter(batch)
                for line in waiting:
                    number += 1
                    if not line:
                        continue
                    try:
                        if len(line) > LINE_LIMIT:
                            raise InvalidRow(reason=OVER_LONG)  # noqa: TRY301
                        row = loads(line)
                        if type(row) is not dict:
                            raise InvalidRow(reason=no_object(row))  # noqa: TRY301
                        own_id = custom_id(row) or f"{prefix}{number}"
                        check(row)
                    except (orjson.JSONDecodeError, InvalidRow, InvalidOverride):
                        if is_open(line):
                            rest = _joined(chain(((line, *waiting),), batches))
                            yield from self.values(rest, number)
                            return
                        yield from self._faulty(number, line)
                    else:
                        yield Document(own_id, index, number, line.decode().strip())
        except BrokenOff as broken:
            yield self._broken_off(number + 1, broken)

    def values(self, blocks: Iterator[bytes], line: int) -> Iterator[Row]:
        """The rows of JSON in any form: an array, or objects one after the other. `line` is the number of the first."""
        values, before, place = JsonValues(blocks, line), 0, 1
        self._rules.begin_input()
        try:
            for number, raw, read, reason in values:
                # Several rows on one line need ids of their own.
                place = place + 1 if number == before else 1
                before = number
                own_id = f"{self._prefix}{number}" if place == 1 else f"{self._prefix}{number}.{place}"
                if reason is None:
                    yield self._row(number, raw, own_id, read)
                else:
                    yield self._bad(number, raw, None, reason)
        except BrokenOff as broken:
            yield self._broken_off(values.line, broken)

    def _faulty(self, number: int, line: bytes) -> Iterator[Row]:
        """The rows of a line that is not one good object: perhaps it is blank, or holds several."""
        if line.isspace():
            return
        text = line.strip(_BETWEEN).removeprefix(_MARK)
        if len(text) <= LINE_LIMIT and text[:1] in {b"{", b"["} and not _is_plain(text + b"\n"):
            held = JsonValues(iter((text + b"\n",)), number)
            first = next(iter(held), None)
            if first is not None and _is_good(first) and all(map(_is_good, held)):
                yield from self.values(iter((text + b"\n",)), number)
                return
        yield self._row(number, text, f"{self._prefix}{number}")

    def _row(self, number: int, raw: bytes, own_id: str, read: Any = None) -> Row:
        row = read
        try:
            if len(raw) > LINE_LIMIT:
                raise InvalidRow(reason=OVER_LONG)  # noqa: TRY301
            row = orjson.loads(raw) if read is None else read
            if type(row) is not dict:
                raise InvalidRow(reason=no_object(row))  # noqa: TRY301
            if is_frame(row):
                raise InvalidRow(reason=f"it is no row, but a table by columns. {advice_about(row)}")  # noqa: TRY301
            own_id = self._custom_id(row, raw) or own_id
            self._rules.check(row)
        except orjson.JSONDecodeError as error:
            if (repaired := without_not_numbers(raw)) is not None:
                self._nulls += repaired.replaced
                return self._row(number, repaired.text, own_id)
            return self._bad(number, raw, None, *_why(raw, error, number))
        except (InvalidRow, InvalidOverride) as error:
            return self._bad(number, raw, row, error.reason, error.code)
        return Document(own_id, self._index, number, raw.decode().strip())

    def _custom_id(self, row: dict[str, Any], raw: bytes) -> str:
        try:
            return self._rules.custom_id(row)
        except InvalidRow:
            # It may be a whole number with more digits than orjson keeps.
            return self._rules.custom_id({**row, **_exact(raw)})

    def _bad(self, number: int, raw: bytes, row: object, reason: str, code: str = InvalidRow.code) -> BadRow:
        custom_id = self._rules.shown_id(row) if isinstance(row, dict) else self._rules.id_in_text(raw)
        return BadRow.from_raw(self._index, number, raw, reason, code, custom_id)

    def _broken_off(self, number: int, broken: BrokenOff) -> BadRow:
        reason = f"the file broke off here: {broken.reason}"
        return BadRow.from_raw(self._index, number, broken.rest, reason)


def _exact(raw: bytes) -> dict[str, Any]:
    """The members of an object, whole numbers with all their digits."""
    try:
        members: dict[str, Any] = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return members


def _joined(batches: Iterator[list[bytes] | tuple[bytes, ...]]) -> Iterator[bytes]:
    """The bytes of lines."""
    return (b"\n".join(lines) + b"\n" for lines in batches)


def _is_good(value: JsonValue) -> bool:
    """Whether a value is an object that can be read."""
    try:
        return value.reason is None and type(orjson.loads(value.raw)) is dict
    except orjson.JSONDecodeError:
        return value.raw[:1] == b"{" and without_not_numbers(value.raw) is not None


def _why(raw: bytes, error: orjson.JSONDecodeError, number: int) -> tuple[str, str]:
    """The reason and the code of a row that is no JSON; `number` is its first line."""
    try:
        raw.decode()
    except UnicodeDecodeError as undecodable:
        place = f"byte {undecodable.start + 1} of the line"
        return f"not valid UTF-8 ({place}); save the file as UTF-8", InvalidRow.code
    line = f"line {number + error.lineno - 1}, " if error.lineno > 1 else ""
    reason = f"broken JSON: {error.msg} ({line}column {error.colno})"
    if raw[1:].lstrip()[:1] == b"'":
        reason += "; it is in single quotes, as Python prints it: write it with json.dumps"
    if number == 1 and raw[:1].isalnum() and any(one in raw for one in _DELIMITERS):
        reason += "; if the file is a table, give --format csv, or name it .csv"
    return reason, InvalidText.code if any(half in error.msg for half in _HALVES) else InvalidRow.code
