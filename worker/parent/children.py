"""The working process of a worker, as its parent sees it."""

from contextlib import suppress

import psutil


def working_processes() -> list[psutil.Process]:
    """Usually one process; none before it starts, and for a moment two while a new one replaces it.

    The parent's other child, which tracks semaphores, is left out.
    """
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
    return found
