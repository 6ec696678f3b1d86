"""Whose deed the log tells of: a visitor of Flower's pages acts through a process that is not the visitor's own."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")

_acting: ContextVar[str | None] = ContextVar("acting", default=None)


def acting_as(name: str, work: Callable[[], T]) -> T:
    """Call `work` in a visitor's name."""
    token = _acting.set(name)
    try:
        return work()
    finally:
        _acting.reset(token)


def acting() -> str | None:
    """The visitor in whose name this thread works; None for the process's own user."""
    return _acting.get()
