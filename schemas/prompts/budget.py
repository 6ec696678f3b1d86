"""What one rendering of a template may use up: steps, text that it builds, and time. All of it is bounded.

Each single value is small enough for any one operation on it to be quick; steps and time bound how many there are.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2.exceptions import SecurityError

OUTPUT_CHARS = 4 * 1024 * 1024
"""The longest prompt that is rendered, and the largest value on the way to it: characters, and items 8 each."""
BUILT_CHARS = 32 * OUTPUT_CHARS
"""How large all values together may be that one rendering builds."""
LOOP_STEPS = 1_000_000
"""How many steps the loops, calls and filters of one rendering may take together."""
SECONDS = 2.0
"""Processor time of one rendering. An ordinary prompt takes less than a thousandth of a second."""
NUMBER_BITS = 10_000
SHOWN_NUMBER = 10**30
_ITEM_CHARS = 8


class Budget:
    """What is left for one rendering. Every method raises SecurityError when that is too little."""

    def __init__(self) -> None:
        self._steps = LOOP_STEPS
        self._chars = BUILT_CHARS
        self._until = time.thread_time() + SECONDS

    def step(self, steps: int = 1) -> None:
        """Take a step, or what costs as much as several."""
        self._steps -= steps
        if self._steps < 0:
            raise SecurityError(f"it takes more than {LOOP_STEPS} steps")
        if time.thread_time() > self._until:
            raise SecurityError(f"it takes more than {SECONDS:.0f} seconds")

    def hold(self, value: Any) -> Any:
        """The same value, once it is sure that there is room for it."""
        self._chars -= size_of(value)
        if self._chars < 0:
            raise SecurityError(f"it builds more than {BUILT_CHARS} characters on the way")
        return value

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """The same values, each of them a step."""
        for value in values:
            self.step()
            yield value


_budget: ContextVar[Budget | None] = ContextVar("rendering_budget", default=None)


def budget() -> Budget:
    """The budget of the rendering at work; one of its own for what is computed while a template is compiled."""
    return _budget.get() or Budget()


@contextmanager
def new_budget() -> Iterator[None]:
    """A whole budget for what is rendered inside."""
    token = _budget.set(Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def size_of(value: Any) -> int:
    """Characters of a value, with all that lies in it as often as it would be shown. Raises SecurityError."""
    size = 0
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (str, bytes)):
            size += len(one)
        elif isinstance(one, int):
            refuse_large((one.bit_length(),), NUMBER_BITS)
        elif isinstance(one, Mapping):
            size += 2 * _ITEM_CHARS * len(one)
            refuse_large((size,))
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, (list, tuple, set, frozenset)):
            size += _ITEM_CHARS * len(one)
            refuse_large((size,))
            waiting += one
        refuse_large((size,))
    return size


def refuse_large(values: Iterable[Any], most: int = OUTPUT_CHARS) -> None:
    """Raise SecurityError for an integer above `most`."""
    for value in values:
        if isinstance(value, int) and value > most:
            shown = value if value < SHOWN_NUMBER else f"of {value.bit_length()} bits"
            raise SecurityError(f"the number {shown} is too large here")
