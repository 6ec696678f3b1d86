"""Blocks of bytes cut into lines, in bounded memory however long a line is."""

from collections.abc import Iterable, Iterator

from qwenq.producer.reading.sources.unpacking import BrokenOff
from qwenq.schemas.documents import BadRow
from qwenq.schemas.errors import InvalidRow

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line, and of the longest CSV row, that is read."""
RAW_CHARS = 2_000
"""Characters of a bad row that are kept."""
OVER_LONG = f"over-long: it has more than {LINE_LIMIT // 1024 // 1024} MiB"


def line_batches(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines of `blocks` without their newlines, in order; a few thousand at a time, for speed.

    A line above LINE_LIMIT comes cut to one byte more than the limit. Raises BrokenOff, which holds
    the last, unfinished line.
    """
    # The open last line, in the pieces that it came in: joining them anew for each would be slow.
    pieces: list[bytes] = []
    size = 0
    try:
        for block in blocks:
            lines = block.split(b"\n")
            if len(lines) == 1:
                if size <= LINE_LIMIT:
                    pieces.append(block)
                    size += len(block)
                continue
            lines[0] = b"".join((*pieces, lines[0]))[: LINE_LIMIT + 1]
            pieces = [lines.pop()]
            size = len(pieces[0])
            yield lines
    except BrokenOff as broken:
        broken.rest = b"".join(pieces)
        raise
    if size:
        yield [b"".join(pieces)[: LINE_LIMIT + 1]]


def bad_row(source: int, line: int, raw: bytes, reason: str, code: str = InvalidRow.code) -> BadRow:
    """What is kept of a bad row: its beginning and the reason, as text that every store takes."""
    return BadRow(source, line, _shortened(raw), reason.replace("\0", "\\x00"), code)


def _shortened(raw: bytes) -> str:
    beginning = raw[: 4 * RAW_CHARS].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    if len(beginning) > RAW_CHARS or len(raw) > 4 * RAW_CHARS:
        return beginning[:RAW_CHARS] + "…"
    return beginning
