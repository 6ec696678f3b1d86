"""One hostile file and its mutations: read in a process of its own, and counted."""

import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from qwenq.producer.reading.reader_process import ReaderProcess
from tests.hostile.cases import CASES
from tests.hostile.checking import Inbox
from tests.hostile.mutated import mutated

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """What reading one file may take: processor time in seconds, and memory in bytes."""

    seconds: float
    memory: int

    def variables(self) -> dict[str, str]:
        """The settings of reading that say so."""
        return {"QWENQ_READ_SECONDS": str(self.seconds), "QWENQ_READ_MEMORY_BYTES": str(self.memory)}


@dataclass(slots=True)
class Tally:
    """What became of files. `whole` is the hostile file as it is."""

    whole: str = ""
    kinds: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.kinds.items()))
        told = (
            f"{kinds}; {len(self.failures)} failed; longest {self.longest:.1f} s, all {self.seconds:,.0f} s"
        )
        return f"{self.whole}\n      mutated: {told}" if self.whole else f"mutated: {told}"

    def add(self, other: "Tally") -> None:
        """Count the files of another tally too."""
        self.kinds += other.kinds
        self.longest = max(self.longest, other.longest)
        self.seconds += other.seconds
        self.failures += other.failures


def read(name: str, mutations: int, whole: Bounds, bounds: Bounds) -> Tally:
    """Read a hostile file within the bounds `whole`, and so many mutations of it within `bounds`."""
    tally, began, content = Tally(), time.monotonic(), CASES[name]()
    with tempfile.TemporaryDirectory() as folder:
        inbox = Inbox(Path(folder))
        os.environ.update(whole.variables())
        try:
            tally.whole = str(inbox.read(name, content, whole.seconds))
        except AssertionError as error:
            tally.failures.append(f"{name}: {error}")
        os.environ.update(bounds.variables())
        with ReaderProcess() as reader:
            for number in range(mutations):
                try:
                    outcome = inbox.read(name, mutated(name, content, number), bounds.seconds, reader)
                except AssertionError as error:
                    tally.failures.append(f"{name}, mutation {number}: {error}")
                    continue
                tally.longest = max(tally.longest, outcome.seconds)
                bad = len(outcome.bad_rows)
                tally.kinds["a bad row" if bad == 1 else "bad rows" if bad else "read"] += 1
    tally.seconds = time.monotonic() - began
    return tally
