"""Garbage collection, once a process has allocated what it keeps."""

import gc


def freeze_heap() -> None:
    """Exclude everything allocated so far from garbage collection.

    Otherwise each full collection walks through all modules and the model's objects, and stops every thread for tens of
    milliseconds.
    """
    gc.collect()
    gc.freeze()
