"""Cut bytes into JSON values, wherever they stand: in an array, one after the other, on several lines.

Only brackets and strings are looked at, so that a value with a fault spoils no other. Memory is bounded: a value may
have LINE_LIMIT bytes.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from qwenq.producer.reading.lines import LINE_LIMIT, OVER_LONG
from qwenq.producer.reading.sources.unpacking import BrokenOff

_STRING = rb'"(?:[^"\\\r\n]++|\\[^\r\n])*+'
_SPACE = re.compile(rb"(?:[\s,\x1e]++|\xef\xbb\xbf)*+")
_NEXT = re.compile(rb'(?:[^"\[\]{}]++|' + _STRING + rb'")*+(["\[\]{}])?')
_OPEN_STRING = re.compile(_STRING)
_EMPTY = re.compile(rb"\[\s*+\]")
_ELEMENT = re.compile(_STRING + rb'"|[^,\[\]{}\s"]++')
_REST_OF_LINE = re.compile(rb"[^\r\n]*+")
_TOKENS = re.compile(
    rb'"(?:[^"\\]++|\\.)*+"|(?<![\w.+-])(?P<number>-?(?:NaN|Infinity|\d++(?:\.\d++)?[eE]\+?\d{3,}+))(?![\w.])',
    re.DOTALL,
)
"""Strings, and numbers that JSON lacks but Python and others write: NaN, Infinity, 1e999."""
_INFINITE = (float("inf"), float("-inf"))
_SHOWN_BYTES = 1 << 14
_MOST_INDENTED = 64
_WASTED_BYTES = 4 * LINE_LIMIT
"""After so many bytes of values that were looked for in vain, a value must end on its line."""
_UNCLOSED = "the array that begins on line {line} has no end; the file seems to be cut off"


class JsonValue(NamedTuple):
    """A value: the line where it begins, its bytes, what `orjson` reads there if that is known, or why it is bad."""

    line: int
    raw: bytes
    read: Any = None
    reason: str | None = None


class JsonValues:
    """The values of some blocks of bytes, to be iterated once. Elements of arrays count as values of their own.

    `line` is the number of the line that is read now.
    """

    def __init__(self, blocks: Iterator[bytes], line: int) -> None:
        self._blocks = blocks
        self._buffer = b""
        self._at = 0
        self._begins_at = 0
        self.line = line
        self._array: int | None = None
        self._tried = -1
        self._wasted = 0
        self._broken: BrokenOff | None = None

    def __iter__(self) -> Iterator[JsonValue]:
        """Read the values. Raises BrokenOff, which holds an unfinished value."""
        seen = False
        while self._skip_space():
            first = self._buffer[self._at : self._at + 1]
            # An empty array is an empty file; behind other values, it is a row that is no object.
            is_row = first == b"[" and self._array is None and seen and _EMPTY.match(self._buffer, self._at)
            seen = True
            if first == b"[" and self._array is None and not is_row:
                self._array = self.line
                self._at += 1
            elif first == b"]":
                self._array = None
                self._at += 1
            elif first in b"{[":
                yield self._whole_line() or self._structure()
            else:
                yield self._other()
        if self._broken:
            raise self._broken
        if self._array is not None:
            yield JsonValue(self.line, b"", reason=_UNCLOSED.format(line=self._array))

    def _skip_space(self) -> bool:
        """Go to the next value. Returns False if there is none."""
        while True:
            space = _SPACE.match(self._buffer, self._at)
            end = self._at if space is None else space.end()
            # A line end may lie across two blocks, and a mark of byte order too.
            if end >= len(self._buffer) - 2 and end - self._at < _SHOWN_BYTES and self._more():
                continue
            self._take(end)
            if end < len(self._buffer) or not self._more():
                return self._at < len(self._buffer)

    def _whole_line(self) -> JsonValue | None:
        """The value here if it is all of the rest of its line, as in most files; else None."""
        if self._tried >= self._at:
            return None
        end = self._buffer.find(b"\n", self._at)
        self._tried = len(self._buffer) if end < 0 else end
        if end < 0:
            return None
        raw = self._buffer[self._at : end].rstrip(b" \t\r,")
        if len(raw) > LINE_LIMIT:
            return None
        try:
            read = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return None
        line = self.line
        self._take(end)
        return JsonValue(line, raw, read)

    def _structure(self) -> JsonValue:
        """The object or array here, up to its last bracket."""
        line, column = self.line, self._column()
        size, ended = self._size()
        at = self._at
        if ended:
            raw = self._buffer[at : at + min(size, LINE_LIMIT + 1)]
            if b"\n" not in raw or _is_json(raw):
                self._take(at + size)
                return JsonValue(line, raw)
        self._wasted += size
        if line == self._array:  # what began it was a fault, too
            self._array = None
        skipped = self._skip_lines(column)
        if self._at == len(self._buffer):
            self._array = None
        if self._broken and self._at == len(self._buffer):
            self._broken.rest = skipped
            raise self._broken
        return JsonValue(line, skipped, reason=OVER_LONG if size > LINE_LIMIT else None)

    def _size(self) -> tuple[int, bool]:
        """The bytes of the structure here, and whether it ends; if not, those that were looked at."""
        depth = size = 0
        while size <= LINE_LIMIT:
            found = _NEXT.match(self._buffer, self._at + size)
            bracket = None if found is None else found[1]
            end = len(self._buffer) if found is None else found.end()
            if bracket is not None and bracket != b'"':
                size = end - self._at
                depth += 1 if bracket in b"{[" else -1
                if depth == 0:
                    return size, True
                if self._must_end_on_line(end):
                    return size, False
                continue
            if bracket is not None:
                string = _OPEN_STRING.match(self._buffer, end - 1)
                end = end if string is None else string.end()
            # A string that stops before the end holds a line end; the last character may be half of an escape.
            if end < len(self._buffer) - 1 or self._must_end_on_line(end):
                return end - self._at, False
            if len(self._buffer) - self._at > LINE_LIMIT:
                return LINE_LIMIT + 1, False
            if not self._more():
                return len(self._buffer) - self._at, False
        return size, False

    def _must_end_on_line(self, end: int) -> bool:
        return self._wasted > _WASTED_BYTES and self._buffer.find(b"\n", self._at, end) >= 0

    def _other(self) -> JsonValue:
        """What is here and is no structure: an element of an array, or the rest of the line."""
        line = self.line
        while self._array is not None:
            element = _ELEMENT.match(self._buffer, self._at)
            if element is not None and element.end() < len(self._buffer):
                self._take(element.end())
                return JsonValue(line, element[0])
            if len(self._buffer) - self._at > LINE_LIMIT or not self._more():
                break
        pieces: list[bytes] = []
        while True:
            rest = _REST_OF_LINE.match(self._buffer, self._at)
            end = len(self._buffer) if rest is None else rest.end()
            if sum(map(len, pieces)) <= LINE_LIMIT:
                pieces.append(self._buffer[self._at : end])
            self._take(end)
            if end < len(self._buffer) or not self._more():
                return JsonValue(line, b"".join(pieces)[: LINE_LIMIT + 1])

    def _skip_lines(self, column: int) -> bytes:
        """Go to the next line that may begin a value at this column. Returns the beginning of what is skipped."""
        indent = column if column <= _MOST_INDENTED else 0
        next_value = re.compile(rb"[\r\n][ \t]{0,%d}+(?=[{\[\]])" % indent)
        shown = self._buffer[self._at : self._at + 1]
        self._take(self._at + 1)
        while True:
            found = next_value.search(self._buffer, self._at)
            # The beginning of a line may lie across two blocks.
            end = max(self._at, len(self._buffer) - indent - 2) if found is None else found.start()
            shown += self._skipped(end, _SHOWN_BYTES - len(shown))
            if found is not None:
                return shown
            if not self._more():
                return shown + self._skipped(len(self._buffer), _SHOWN_BYTES - len(shown))

    def _skipped(self, end: int, most: int) -> bytes:
        """Go to `end`. Returns at most so many bytes of what is skipped."""
        shown = self._buffer[self._at : min(end, self._at + most)]
        self._take(end)
        return shown

    def _column(self) -> int:
        """The bytes before this place on its line."""
        begin = max(0, self._at - _MOST_INDENTED - 1)
        line = max(self._buffer.rfind(b"\n", begin, self._at), self._buffer.rfind(b"\r", begin, self._at))
        return self._begins_at + self._at if line < 0 else self._at - line - 1

    def _take(self, end: int) -> None:
        """Go to `end`, and count the lines up to there: each ends with LF, CR LF or CR."""
        buffer, at = self._buffer, self._at
        self.line += buffer.count(b"\n", at, end)
        if returns := buffer.count(b"\r", at, end):
            self.line += returns - buffer.count(b"\r\n", at, end)
        self._at = end

    def _more(self) -> bool:
        """Read on, as much as is waiting here already, so that a long value is not copied often."""
        kept = self._buffer[self._at :]
        pieces, size = [kept], 0
        try:
            most = min(len(kept), LINE_LIMIT - len(kept))
            while size <= max(0, most) and (block := next(self._blocks, None)) is not None:
                pieces.append(block)
                size += len(block)
        except BrokenOff as broken:
            self._broken = broken
            self._blocks = iter(())
        if not size:
            return False
        self._tried = -1
        self._begins_at = self._column()
        self._buffer, self._at = b"".join(pieces), 0
        return True


def is_open(line: bytes) -> bool:
    """Whether an object or array begins on this line and ends on a later one."""
    depth = at = 0
    while (found := _NEXT.match(line, at)) is not None and found[1] is not None:
        if found[1] == b'"':
            return False
        depth, at = depth + (1 if found[1] in b"{[" else -1), found.end()
    return depth > 0


def _is_json(raw: bytes) -> bool:
    """Whether this can be read, perhaps without numbers that JSON lacks."""
    try:
        orjson.loads(raw)
    except orjson.JSONDecodeError:
        return without_not_numbers(raw) is not None
    return True


class Repaired(NamedTuple):
    """A JSON text with `replaced` such numbers as null."""

    text: bytes
    replaced: int


def without_not_numbers(raw: bytes) -> Repaired | None:
    """Write null for each such number outside of strings; None if there is none, or the text is no JSON even so."""
    count = 0

    def written(token: re.Match[bytes]) -> bytes:
        nonlocal count
        number = token["number"]
        if number is None or (number[-1:].isdigit() and float(number) not in _INFINITE):
            return token[0]
        count += 1
        return b"null"

    text = _TOKENS.sub(written, raw)
    if not count:
        return None
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return Repaired(text, count)
