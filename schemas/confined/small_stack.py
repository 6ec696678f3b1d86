"""Runs a trial with less stack than what it stands for."""

import resource
import threading
from collections.abc import Callable
from typing import TypeVar

STACK_BYTES = 1024**2
"""Half of what threads of Rust have, and an eighth of what threads of Python usually have."""
_PAGE_BYTES = 4096

Found = TypeVar("Found")


def on_small_stack(call: Callable[[], Found]) -> Found:
    """Call it in a thread with a small stack, for a confined process. Returns or raises what it does.

    Deep recursion in C or Rust crashes a process. What passes here then passes in any thread of the parent, which
    has the same limit of stacks. Raises MemoryError without memory for the stack.
    """
    found: list[Found] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            found.append(call())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)

    before = threading.stack_size(_stack_bytes())
    try:
        thread = threading.Thread(target=run)
        thread.start()
    except RuntimeError as error:
        raise MemoryError from error
    finally:
        threading.stack_size(before)
    thread.join()
    if raised:
        raise raised[0]
    return found[0]


def _stack_bytes() -> int:
    limit = resource.getrlimit(resource.RLIMIT_STACK)[0]
    most = STACK_BYTES if limit == resource.RLIM_INFINITY else min(STACK_BYTES, limit // 2)
    return most // _PAGE_BYTES * _PAGE_BYTES
