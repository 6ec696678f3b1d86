"""Waiting for other processes: until a condition holds, with a deadline whose error names the condition."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_EVERY_SECONDS = 0.02
LOOK_AT_LEAST_EVERY_SECONDS = 0.1
"""After a wait of seconds: each look at a job takes milliseconds of the processor that the others need."""


def eventually(look: Callable[[], T], what: str, seconds: float = 120.0) -> T:
    """Call `look` until it returns a truthy value, and return that. Raises AssertionError past the deadline."""
    began = time.monotonic()
    deadline = began + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds:.0f} s; last seen: {found!r}")
        pause = (time.monotonic() - began) / 20
        time.sleep(min(max(pause, LOOK_EVERY_SECONDS), LOOK_AT_LEAST_EVERY_SECONDS))
