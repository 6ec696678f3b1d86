"""What engines did, in the order in which they did it: one file for all processes, each line one atomic append."""

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
    """What is noted: of a process, of a claim, of one document's generation."""

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
    """One line. `parent` is the process id of the worker; of a claim, `seq` is -1; of a process, all but that is.

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
    """The end of the file where one process writes. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @classmethod
    def of_environment(cls) -> Self:
        """The one that the environment names."""
        return cls(Path(os.environ[LOG_FILE]))

    def note(self, deed: Deed, *numbers: int) -> None:
        """Add a line: of a claim its job, chunk and attempt, of a document its seq beside them."""
        words = (f"{time.time():.6f}", os.getpid(), os.getppid(), deed, *numbers)
        os.write(self._file, (" ".join(map(str, words)) + "\n").encode())


def read_notes(path: Path) -> list[Note]:
    """All that was noted; nothing when no engine ever ran."""
    if not path.exists():
        return []
    return [_note(line.split()) for line in path.read_text().splitlines()]


def _note(words: list[str]) -> Note:
    at, pid, parent, deed, *numbers = words
    return Note(float(at), int(pid), int(parent), Deed(deed), *map(int, numbers))


@dataclass(frozen=True, slots=True)
class Generation:
    """One time that a document was generated; `ended_at` is None when it never came to its end."""

    pid: int
    job: int
    chunk: int
    attempt: int
    seq: int
    began_at: float
    ended_at: float | None


def generations(notes: Iterable[Note]) -> list[Generation]:
    """Each generation that was begun, in the order of beginning."""
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
