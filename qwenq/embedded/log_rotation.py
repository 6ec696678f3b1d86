"""Rotation of the services' logs, by the process that started them."""

import os
import shutil
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path


def rotate(log: Path, most_bytes: int, kept: int) -> None:
    """Move what a log holds into `LOG.1` if it has grown beyond `most_bytes`; keep this many, the newest first.

    Services go on writing to the file that they were given, several processes each. So it is copied and emptied, as
    logrotate's `copytruncate` does. Lines that are written between the two are lost.
    """
    with suppress(OSError):  # without room for a copy, the log grows on
        if log.stat().st_size <= most_bytes:
            return
        numbered = RotatingFileHandler(log, backupCount=kept, delay=True)
        numbered.rotator = _copy_and_empty
        numbered.doRollover()
        numbered.close()


def _copy_and_empty(log: str, copy: str) -> None:
    with open(log, "rb") as source, open(copy, "wb", opener=_private) as target:  # noqa: PTH123
        shutil.copyfileobj(source, target)
    os.truncate(log, 0)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, mode=0o600)
