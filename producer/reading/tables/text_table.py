"""Open a CSV or TSV file: its bytes become lines of a known encoding, its beginning shows the layout."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from qwenq.producer.reading.notes import Notes
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.producer.reading.tables.encodings import (
    FoundEncoding,
    as_utf8,
    keeps_ascii,
    marked,
    wide_without_mark,
)
from qwenq.producer.reading.tables.foreign import foreign_kind
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.table_options import TableOptions

SAMPLE_BYTES = 64 * 1024
_END_MARK = b"\x1a"
_UTF8_MARK = b"\xef\xbb\xbf"
_CUT_MARKS = (b"\n\xef", b"\n\xef\xbb")


@dataclass(frozen=True, slots=True)
class TextTable:
    """The bytes of a text table, in an encoding whose ASCII is ASCII, with lines that end in a line feed.

    `beginning` is its first text, `whole` if that is all of it. `found` are the things that were found out.
    """

    blocks: Iterator[bytes]
    encoding: FoundEncoding
    beginning: str
    whole: bool
    found: list[str]


def open_text_table(source: OpenSource, options: TableOptions, notes: Notes) -> TextTable:
    """Find out the encoding and the line ends. Raises UnreadableInput for what is no text table."""
    head, _, blocks = _beginning(source.blocks)
    if (kind := foreign_kind(head)) is not None:
        raise UnreadableInput(source=source.name, reason=f"it is {kind}")
    encoding = FoundEncoding()
    found: list[str] = []
    name, skipped = _encoding_of(head, options)
    blocks = _without(blocks, skipped)
    if name is not None and not keeps_ascii(name):
        blocks, encoding.original = as_utf8(blocks, name), name
        if options.encoding is None:
            found.append(f"read as {name}")
    elif name is not None:
        encoding.name = name
    else:
        blocks = encoding.decided(blocks)
    blocks = _without_end_mark(without_marks(blocks))
    head, whole, blocks = _beginning(blocks)
    if encoding.note is not None:
        found.append(encoding.note)
    encoding.tell = lambda note: notes.add(source.name, note)
    if b"\r" in head and b"\n" not in head:
        found.append("its lines end in carriage returns")
        head, blocks = head.replace(b"\r", b"\n"), (block.replace(b"\r", b"\n") for block in blocks)
    return TextTable(blocks, encoding, head.decode(encoding.name, "replace"), whole, found)


def _encoding_of(head: bytes, options: TableOptions) -> tuple[str | None, int]:
    """The encoding, None if it is not known yet, and the length of the mark to leave out."""
    mark = marked(head)
    if options.encoding is not None:
        given = options.encoding.replace("_", "-")
        if mark is not None and mark[0].startswith(given.removesuffix("-sig")):
            return mark
        if given in {"utf-16", "utf-32"}:
            found = wide_without_mark(head) or ""
            return found if found.startswith(given) else f"{given}-le", 0
        return given.removesuffix("-sig") if given == "utf-8-sig" else given, 0
    return mark or (wide_without_mark(head), 0)


def _beginning(blocks: Iterable[bytes]) -> tuple[bytes, bool, Iterator[bytes]]:
    """The first bytes, whether they are all, and all blocks, the first ones included."""
    source = iter(blocks)
    held: list[bytes] = []
    size = 0
    try:
        for block in source:
            held.append(block)
            size += len(block)
            if size >= SAMPLE_BYTES:
                return b"".join(held)[:SAMPLE_BYTES], False, chain(held, source)
    except BrokenOff as broken:
        return b"".join(held), False, chain(held, _raising(broken))
    return b"".join(held), True, iter(held)


def _raising(broken: BrokenOff) -> Iterator[bytes]:
    raise broken
    yield b""


def _without(blocks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Leave out the first bytes."""
    for block in blocks:
        yield block[count:]
        count = max(0, count - len(block))


def without_marks(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out byte order marks where a line begins, as in files that were joined."""
    at_start, held = False, b""
    for block in blocks:
        text = held + block if at_start else block
        held = b""
        if at_start:
            text = text.removeprefix(_UTF8_MARK)
        if _UTF8_MARK[:1] in text:
            text = text.replace(b"\n" + _UTF8_MARK, b"\n")
            if text.endswith(_CUT_MARKS):
                text, end, held = text.rpartition(b"\n")
                text += end
        at_start = text.endswith(b"\n")
        yield text
    if held:
        yield held


def _without_end_mark(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out what ended a file under DOS: the byte 0x1A, which may be repeated."""
    held = b""
    for block in blocks:
        if held:
            yield held
            held = b""
        if block.endswith(_END_MARK):
            rest = block.rstrip(_END_MARK)
            held = block[len(rest) :]
            block = rest  # noqa: PLW2901
        yield block
