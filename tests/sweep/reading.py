"""Read one foreign file as a job would, and measure it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import QwenqError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

PROMPT = PromptSpec(template="{{ row }}")
"""Needs no column by name."""
_WATCH_SECONDS = 0.01
_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file. `kind`: read, bad rows, refused, CRASHED; `peak_bytes` of both processes together."""

    kind: str
    seconds: float
    peak_bytes: int
    documents: int = 0
    bad_rows: int = 0
    says: str = ""
    shown: str = ""

    def __str__(self) -> str:
        took = f"{self.seconds:5.1f} s {self.peak_bytes >> 20:5,} MiB"
        return f"{took} {self.documents:7,} good {self.bad_rows:6,} bad  {self.kind:8}"


def read(path: Path, given: Format | None, shown_chars: int) -> Outcome:
    """Read all rows of a file. Never raises for what the file holds."""
    watch, began = _Watch(), time.monotonic()
    documents, shown = 0, ""
    reasons: Counter[str] = Counter()
    kind, says = "read", ""
    try:
        for row in read_rows([str(path)], given, PROMPT, GenerationParams()):
            if isinstance(row, BadRow):
                reasons[row.reason] += 1
            elif isinstance(row, Document):
                documents += 1
                shown = shown or row.content[:shown_chars]
    except QwenqError as error:
        kind, says = "refused", str(error)
    except Exception as error:  # noqa: BLE001 - this is what the sweep looks for
        kind, says = "CRASHED", f"{type(error).__name__}: {error}"
    if reasons:
        kind = "bad rows" if kind == "read" else kind
        counted = (f"{count:,}x {reason}" for reason, count in reasons.most_common(_SHOWN_REASONS))
        says = "; ".join(filter(None, (says, *counted)))
    seconds = time.monotonic() - began
    return Outcome(kind, seconds, watch.stopped(), documents, reasons.total(), says, shown)


class _Watch:
    """The most memory that this process and its children take together."""

    def __init__(self) -> None:
        self._most = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stopped(self) -> int:
        self._ends.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        own, is_last = psutil.Process(), False
        while not is_last:
            is_last = self._ends.wait(_WATCH_SECONDS)
            taken = own.memory_info().rss
            for child in own.children(recursive=True):
                try:
                    taken += child.memory_info().rss
                except psutil.Error:
                    continue
            self._most = max(self._most, taken)
