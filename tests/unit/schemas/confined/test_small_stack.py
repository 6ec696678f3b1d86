"""Trials run with less stack than what they stand for."""

import ctypes
import sys
import threading

import pytest

from qwenq.schemas.confined.small_stack import STACK_BYTES, on_small_stack


def _stack_bytes() -> int:
    """The size of this thread's stack."""
    library = ctypes.CDLL(None)
    library.pthread_self.restype = ctypes.c_ulong
    attributes, size = ctypes.create_string_buffer(256), ctypes.c_size_t()
    library.pthread_getattr_np(ctypes.c_ulong(library.pthread_self()), attributes)
    library.pthread_attr_getstacksize(attributes, ctypes.byref(size))
    return size.value


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc tells a thread's stack")
def test_a_trial_has_less_stack_than_other_threads() -> None:
    others: list[int] = []
    assert on_small_stack(_stack_bytes) <= STACK_BYTES
    thread = threading.Thread(target=lambda: others.append(_stack_bytes()))
    thread.start()
    thread.join()
    assert others[0] >= 2 * STACK_BYTES


def test_what_a_trial_raises_reaches_its_caller() -> None:
    def fail() -> None:
        raise MemoryError("all of it")

    with pytest.raises(MemoryError, match="all of it"):
        on_small_stack(fail)
