"""The note of a working process that starts: if the process dies then, its parent reads there what it said last.

A library of C that aborts prints why to standard error, and no Python code runs after that.
"""

import faulthandler
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qwenq.schemas.log.lines import LogLines
from qwenq.worker.parent.environment import READY, START_FOLDER_VARIABLE

_STDERR = 2


@contextmanager
def start_note() -> Iterator[None]:
    """Keep standard error in this process's note for as long as the block lasts, then print it; the log goes on.

    A process that no worker started has no note.
    """
    folder = os.environ.get(START_FOLDER_VARIABLE)
    if folder is None:
        yield
        return
    note = Path(folder) / str(os.getpid())
    sys.stderr.flush()
    shown, words = os.dup(_STDERR), os.open(note, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(words, _STDERR)
    faulthandler.enable(_STDERR)
    try:
        with _log_goes_to(shown):
            yield
        note.with_name(note.name + READY).touch()
    finally:
        os.dup2(shown, _STDERR)
        os.lseek(words, 0, os.SEEK_SET)
        while some := os.read(words, 65_536):
            os.write(shown, some)
        os.close(words)
        os.close(shown)
        note.unlink(missing_ok=True)


@contextmanager
def _log_goes_to(descriptor: int) -> Iterator[None]:
    """Have the log write there: people look in it whether a model is still being loaded."""
    ours = [
        handler
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.formatter, LogLines)
    ]
    with os.fdopen(os.dup(descriptor), "w") as stream:
        before = [handler.setStream(stream) for handler in ours]
        try:
            yield
        finally:
            for handler, own in zip(ours, before, strict=True):
                handler.setStream(own)
