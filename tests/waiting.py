"""Waiting for other processes: until a condition holds, with a deadline whose error names the condition."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.02


def eventually(look: Callable[[], T], what: str, seconds: float = 120.0) -> T:
    """Call `look` until it returns a truthy value, and return that. Raises AssertionError past the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s; last seen: {found!r}")
        time.sleep(LOOK_EVERY_SECONDS)
