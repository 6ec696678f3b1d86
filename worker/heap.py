"""Python's heap, once a process has what it keeps for good."""

import gc


def freeze_heap() -> None:
    """Have the collector look at what is there by now no more.

    It would walk through all modules, and a model's, again and again, for tens of milliseconds that nothing else runs.
    """
    gc.collect()
    gc.freeze()
