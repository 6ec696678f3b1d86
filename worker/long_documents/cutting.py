"""Where a document is cut: between paragraphs, else sentences, else words, and inside a word only as a last resort.

Unicode says where sentences and words end (UAX 29), in any script; `semantic-text-splitter` finds these places.
"""

from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from semantic_text_splitter import TextSplitter

FILLED = 0.97
"""How full a part is made: some parts have more tokens for each character than others."""


class Span(NamedTuple):
    """The characters `first` to `last` of a text, the last one not included."""

    first: int
    last: int


def cut(text: str, tokens_of: Callable[[int, int], int], room: int) -> list[Span] | None:
    """Cut a text into about even parts without gaps, so that the prompt around each has at most `room` tokens.

    `tokens_of(first, last)` counts the whole prompt with these characters. None: not even one character fits.
    """
    bare = tokens_of(0, 0)
    if bare >= room:
        return None
    parts: list[Span] = []
    waiting = [Span(0, len(text))]
    while waiting:
        span = waiting.pop()
        tokens = tokens_of(*span)
        if tokens <= room:
            parts.append(span)
        elif span.last - span.first <= 1:
            return None
        else:
            waiting += reversed(_pieces(text, span, FILLED * (room - bare) / (tokens - bare)))
    return parts


def _pieces(text: str, span: Span, share: float) -> list[Span]:
    """Cut a span into two pieces or more, each with about this share of its characters at most."""
    chars = span.last - span.first
    most = max(1, min(int(chars * share), chars - 1))
    fewest = max(2, ceil(chars / most))
    pieces = _even_pieces(text, span, most, fewest)
    if len(pieces) > fewest:
        # The last piece is a crumb that the others left over: make them all a little smaller.
        pieces = _even_pieces(text, span, most, fewest + 1)
    return pieces


def _even_pieces(text: str, span: Span, most: int, count: int) -> list[Span]:
    """Cut a span into about this many pieces of at most `most` characters, each up to the best place for a cut."""
    enough = min(most, ceil((span.last - span.first) / count))
    pieces: list[Span] = []
    first = span.first
    for piece in TextSplitter((enough, most), trim=False).chunks(text[span.first : span.last]):
        pieces.append(Span(first, first + len(piece)))
        first += len(piece)
    return pieces
