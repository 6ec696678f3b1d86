"""What engines did, in order: one file for all processes, each line one atomic append."""

import os
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

LOG_FILE = "NOTING_ENGINE_LOG"
"""Names the file in the environment of the processes that write it."""
ROWS = 4
"""Documents that an engine generates at once."""


class Deed(StrEnum):
    """What is noted of a process, a claim, or one document's generation."""

    LOADED = "loaded"
    AWAY = "away"
    SKIPPED = "skipped"
    CLAIMED = "claimed"
    BEGUN = "begun"
    ENDED = "ended"
    DROPPED = "dropped"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Note:
    """One line. `parent` is the worker's process id. For a claim, `seq` is -1; for a process, all ids are.

    `AWAY`: the store was, as the process saw it; `SKIPPED`: therefore it did not look for earlier answers.
    """

    at: float
    pid: int
    parent: int
    deed: Deed
    job: int = -1
    chunk: int = -1
    attempt: int = -1
    seq: int = -1


class EngineLog:
    """Appends to the file for one process. Thread-safe."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @classmethod
    def of_environment(cls) -> Self:
        """Open the file that the environment names."""
        return cls(Path(os.environ[LOG_FILE]))

    def note(self, deed: Deed, *numbers: int) -> None:
        """Append a line: job, chunk and attempt for a claim, and seq too for a document."""
        words = (f"{time.time():.6f}", os.getpid(), os.getppid(), deed, *numbers)
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def read_notes(path: Path) -> list[Note]:
    """Read all notes; none if no engine ever ran."""
    if not path.exists():
        return []
    return [_note(line.split()) for line in path.read_text().splitlines()]


def _note(words: list[str]) -> Note:
    at, pid, parent, deed, *numbers = words
    return Note(float(at), int(pid), int(parent), Deed(deed), *map(int, numbers))


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of a document; `ended_at` is None if it never ended."""

    pid: int
    job: int
    chunk: int
    attempt: int
    seq: int
    began_at: float
    ended_at: float | None


def generations(notes: Iterable[Note]) -> list[Generation]:
    """All generations, in the order in which they began."""
    ends: defaultdict[tuple[int, ...], list[Note]] = defaultdict(list)
    begun = []
    for note in notes:
        if note.deed == Deed.BEGUN:
            begun.append(note)
        elif note.deed == Deed.ENDED:
            ends[_identity(note)].append(note)
    return [_generation(note, ends[_identity(note)]) for note in begun]


def _identity(note: Note) -> tuple[int, ...]:
    return note.pid, note.job, note.chunk, note.attempt, note.seq


def _generation(begun: Note, ends: list[Note]) -> Generation:
    ended_at = ends.pop(0).at if ends else None
    return Generation(begun.pid, begun.job, begun.chunk, begun.attempt, begun.seq, begun.at, ended_at)
