"""Simple measures for a text and what stands around it."""

from collections.abc import Callable


def letters_of(text: str, frame: int = 0) -> Callable[[int, int], int]:
    """A token a character, and `frame` around them."""
    return lambda first, last: frame + len(text[first:last])


def words_of(text: str) -> Callable[[int, int], int]:
    """A token a word."""
    return lambda first, last: len(text[first:last].split())
