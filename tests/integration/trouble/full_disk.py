"""SQLite on a disk of limited size, for processes that a test starts: a file gives its size in pages of the store.

A process whose `sitecustomize` calls `limit_disk` has it. SQLite itself refuses to grow beyond, with the error of a
disk that is full. No file: there is room.
"""

import os
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

SIZE_FILE = "FULL_DISK_PAGES"
"""The environment variable that names the file."""
ROOM = 2**30


def limit_disk() -> None:
    """Limit all stores of this process to the size."""
    event.listen(Engine, "begin", _limit)


def _limit(connection: Any) -> None:
    size = Path(os.environ[SIZE_FILE])
    pages = int(size.read_text()) if size.exists() else ROOM
    connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
