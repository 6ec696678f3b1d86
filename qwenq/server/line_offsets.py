"""Where lines begin in a file that is read in blocks."""

from collections.abc import Iterable, Iterator

_END = b"\n"


def after_lines(blocks: Iterable[bytes], number: int) -> tuple[int, int]:
    """The byte behind the first `number` lines, or the file's end, and how many lines the file has."""
    size = lines = 0
    first: int | None = None if number else 0
    for block in blocks:
        count = block.count(_END)
        if first is None and lines + count >= number:
            place = -1
            for _ in range(number - lines):
                place = block.index(_END, place + 1)
            first = size + place + 1
        lines += count
        size += len(block)
    return size if first is None else first, lines


def from_byte(blocks: Iterable[bytes], first: int) -> Iterator[bytes]:
    """The blocks without the bytes before `first`."""
    for block in blocks:
        if first < len(block):
            yield block[first:]
        first = max(first - len(block), 0)
