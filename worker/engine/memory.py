"""How much memory this process holds."""

from functools import cache

import psutil


@cache
def _process() -> psutil.Process:
    return psutil.Process()


def resident_bytes() -> int:
    """Give the resident memory of this process, in bytes."""
    return int(_process().memory_info().rss)
