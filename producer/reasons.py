"""Counts why rows get no answer: bad rows, and documents whose prompt fails."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qwenq.schemas.documents import BadRow, Row

NAMED_REASONS = 3
_MOST_KINDS = 1_000
_SHOWN_CHARS = 200
_DETAIL = re.compile(r"'[^']*'|\d[\d,]*")
_OTHERS = "other reasons"

Kind = tuple[str, str]
"""The code, and the reason without numbers and names."""


@dataclass(frozen=True, slots=True)
class CountedReason:
    """Why documents or rows get no answer, and how many.

    `reason`, `line` and `source` are the first one's; the line is 0 for several reasons.
    """

    code: str
    reason: str
    documents: int
    line: int
    source: int = 0


class Reasons:
    """The first bad row, and how often each reason occurs. Reasons that differ only in numbers and names count as one.

    Memory is bounded, however many rows and reasons there are.
    """

    def __init__(self) -> None:
        self.first: BadRow | None = None
        self.count = 0
        self._counts: Counter[Kind] = Counter()
        self._examples: dict[Kind, tuple[str, int, int]] = {}

    def add_bad(self, rows: Iterable[Row]) -> None:
        """Count the bad ones of these rows."""
        for row in rows:
            if type(row) is BadRow:
                self.first = self.first or row
                self.add(row.code, row.reason, row.line, row.source)

    def add(self, code: str, reason: str, line: int, source: int = 0, like: str | None = None) -> None:
        """Count a reason, as one of those that say the same as `like`."""
        self.count += 1
        kind = code, kind_of(like or reason)
        if kind in self._counts or len(self._counts) < _MOST_KINDS:
            self._counts[kind] += 1
            self._examples.setdefault(kind, (reason[:_SHOWN_CHARS], line, source))

    def commonest(self, most: int) -> tuple[CountedReason, ...]:
        """The commonest reasons; beyond `most`, the last entry counts all others."""
        shown = [
            CountedReason(kind[0], reason, count, line, source)
            for kind, count in self._counts.most_common(most)
            for reason, line, source in (self._examples[kind],)
        ]
        others = self.count - sum(one.documents for one in shown)
        return (*shown, CountedReason("", _OTHERS, others, 0)) if others else tuple(shown)

    def why(self, sources: Sequence[str]) -> tuple[str, str]:
        """The source of the first bad row, which there must be; its line and reason, and the commonest reasons."""
        assert self.first is not None  # noqa: S101
        reason = f"line {self.first.line}: {self.first.reason[:_SHOWN_CHARS]}"
        if self.count > 1:
            reason += f"; {self.count:,} bad rows in all"
        if len(self._counts) > 1:
            shown = [
                f"{one.documents:,} like line {one.line} ({one.reason})"
                for one in self.commonest(NAMED_REASONS)
                if one.line
            ]
            reason += ": " + "; ".join(shown)
        return sources[self.first.source], reason


def kind_of(reason: str) -> str:
    """A reason without the numbers and names in it: what it has in common with those of other rows."""
    return _DETAIL.sub("", reason[:_SHOWN_CHARS])
