"""Simple token counts for a text and what is around it."""

from collections.abc import Callable


def letters_of(text: str, frame: int = 0) -> Callable[[int, int], int]:
    """Count a token for each character, and `frame` around them."""
    return lambda first, last: frame + len(text[first:last])


def words_of(text: str) -> Callable[[int, int], int]:
    """Count a token for each word."""
    return lambda first, last: len(text[first:last].split())
