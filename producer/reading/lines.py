"""Cut blocks of bytes into lines. Memory is bounded, however long a line is."""

from collections.abc import Iterable, Iterator

from qwenq.producer.reading.sources.unpacking import BrokenOff

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest line, and of the longest CSV row."""
OVER_LONG = f"over-long: it has more than {LINE_LIMIT // 1024 // 1024} MiB"


def line_batches(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """The lines of `blocks` in order, without their newlines; a few thousand at a time, for speed.

    A line above LINE_LIMIT is cut to one byte more than the limit. Raises BrokenOff, which holds the last, unfinished
    line.
    """
    # The pieces of the open last line: joining them at each block would be slow.
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
