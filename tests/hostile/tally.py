"""One share of the hostile files: read in a process of its own, and counted."""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from qwenq.producer.reading.reader_process import ReaderProcess
from tests.hostile.cases import CASES
from tests.hostile.checking import Inbox
from tests.hostile.mutated import mutated


@dataclass(slots=True)
class Tally:
    """What became of the files of one case."""

    lines: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Count the files of another tally too."""
        self.lines += other.lines
        self.kinds += other.kinds
        self.longest = max(self.longest, other.longest)
        self.seconds += other.seconds
        self.failures += other.failures


def read(name: str, numbers: Sequence[int | None], seconds: float) -> Tally:
    """Read mutations of a hostile file by their numbers; None is the file as it is."""
    os.environ["QWENQ_READ_SECONDS"] = str(seconds)
    tally, began = Tally(), time.monotonic()
    content = CASES[name]()
    with tempfile.TemporaryDirectory() as folder, ReaderProcess() as reader:
        inbox = Inbox(Path(folder))
        for number in numbers:
            changed = content if number is None else mutated(name, content, number)
            try:
                outcome = inbox.read(name, changed, seconds, reader)
            except AssertionError as error:
                tally.failures.append(f"{name}, mutation {number}: {error}")
                continue
            tally.longest = max(tally.longest, outcome.seconds)
            bad = len(outcome.bad_rows)
            tally.kinds["a bad row" if bad == 1 else "bad rows" if bad else "read"] += 1
            if number is None:
                tally.lines.append(f"{name:22} {outcome}")
    tally.seconds = time.monotonic() - began
    return tally
