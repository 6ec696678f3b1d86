"""A call that is repeated in a thread of its own while a block runs."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def repeating(
    name: str, call: Callable[[], float | None], after: float = 0.0, last_word: float | None = None
) -> Iterator[None]:
    """Call in a thread of its own, `after` seconds from now, until the block ends.

    Each call returns the seconds until the next; None: there is none. The end of the block waits for a call that runs,
    but no longer than `last_word` seconds (None: until it returns).
    """
    over = threading.Event()

    def run() -> None:
        seconds: float | None = after
        while seconds is not None and not over.wait(seconds):
            seconds = call()

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(last_word)
