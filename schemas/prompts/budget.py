"""The budget of one rendering of a template: steps, characters, and time.

Each value is small enough that any single operation on it is quick; steps and time limit the number of operations.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jinja2.exceptions import SecurityError

OUTPUT_CHARS = 4 * 1024 * 1024
"""The most characters of a prompt, and of any value on the way; an item of a list counts as 8."""
BUILT_CHARS = 32 * OUTPUT_CHARS
"""The most characters of all values that one rendering builds."""
LOOP_STEPS = 1_000_000
"""The most steps of all loops, calls and filters in one rendering."""
SECONDS = 2.0
"""The most processor time of one rendering. An ordinary prompt takes less than a millisecond."""
NUMBER_BITS = 10_000
SHOWN_NUMBER = 10**30
_ITEM_CHARS = 8


class Budget:
    """What one rendering may still use. Every method raises SecurityError if that is too little."""

    def __init__(self) -> None:
        self._steps = LOOP_STEPS
        self._chars = BUILT_CHARS
        self._until = time.thread_time() + SECONDS

    def step(self, steps: int = 1) -> None:
        """Spend one step, or several."""
        self._steps -= steps
        if self._steps < 0:
            raise SecurityError(f"it takes more than {LOOP_STEPS} steps")
        if time.thread_time() > self._until:
            raise SecurityError(f"it takes more than {SECONDS:.0f} seconds")

    def hold(self, value: Any) -> Any:
        """Spend the size of a value. Returns the value."""
        self._chars -= size_of(value)
        if self._chars < 0:
            raise SecurityError(f"it builds more than {BUILT_CHARS} characters on the way")
        return value

    def counted(self, values: Iterable[Any]) -> Iterator[Any]:
        """The same values; each spends a step."""
        for value in values:
            self.step()
            yield value


_budget: ContextVar[Budget | None] = ContextVar("rendering_budget", default=None)


def budget() -> Budget:
    """The current rendering's budget; a new one while a template is compiled."""
    return _budget.get() or Budget()


@contextmanager
def new_budget() -> Iterator[None]:
    """Give the block a full budget."""
    token = _budget.set(Budget())
    try:
        yield
    finally:
        _budget.reset(token)


def size_of(value: Any) -> int:
    """Characters of a value with everything in it, counted as often as it would be shown. Raises SecurityError."""
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
