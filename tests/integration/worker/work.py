"""Work that tests have the store process do: functions that it can import."""

import os
import time
from pathlib import Path

from qwenq.schemas.errors import LeaseLost
from qwenq.schemas.log.events import Event
from qwenq.store.database.store import Store
from qwenq.store.database.transitions import note_transition


def pid(_store: Store) -> int:
    """Return the process that does the work."""
    return os.getpid()


def wait_for(_store: Store, begun: Path, go_on: Path) -> int:
    """Note that the work has begun, and wait for a file."""
    begun.touch()
    while not go_on.exists():
        time.sleep(0.01)
    return os.getpid()


def lose(_store: Store, chunk_id: int) -> None:
    """Raise one of qwenq's own errors."""
    raise LeaseLost(chunk_id=chunk_id, attempt=2)


def divide(_store: Store) -> float:
    """Raise an unknown error."""
    return 1 / len("")


def finish(store: Store, chunk_id: int) -> str:
    """Log a transition."""
    with store.writing() as connection:
        note_transition(connection, Event.CHUNK_FINISHED, chunk=chunk_id)
    return "finished"


def length(_store: Store, text: str) -> int:
    """Take a large argument."""
    return len(text)
