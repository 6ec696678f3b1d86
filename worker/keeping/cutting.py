"""Where a claimed chunk is cut: its holder keeps what it has begun, and all else of the rest waits for others."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from qwenq.schemas.chunks import Cut

MOST_KEPT = 8
"""Each range that is kept is a chunk of its own, which costs the keeper a transaction a second."""


def cut_around(first: int, last: int, begun: Sequence[int], given: Sequence[int]) -> Cut:
    """Cut before `first`, and keep the documents up to `last` that have begun, in at most MOST_KEPT ranges.

    Ranges with the fewest given documents between them are joined; what is given within a range waits until its begun
    ones have ended. Whatever is not kept holds a given document. Both lists are sorted; `given` is not empty.
    """
    if not begun:
        return Cut(first)
    ranges = [(seq, seq) for seq in begun]
    between = [_count(given, one, other) for one, other in pairwise(begun)]
    while len(ranges) > MOST_KEPT or (between and min(between) == 0):
        place = between.index(min(between))
        ranges[place : place + 2] = [(ranges[place][0], ranges[place + 1][1])]
        del between[place]
    if not _count(given, first, begun[0]):
        ranges[0] = (first, ranges[0][1])
    if not _count(given, begun[-1], last + 1):
        ranges[-1] = (ranges[-1][0], last)
    return Cut(first, tuple(ranges))


def _count(given: Sequence[int], start: int, end: int) -> int:
    return bisect_left(given, end) - bisect_left(given, start)
