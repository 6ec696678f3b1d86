"""Counts bad rows by their reasons, to say why an input has no usable document."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from qwenq.schemas.documents import BadRow, Row

NAMED_REASONS = 3
_MOST_REASONS = 1_000
_SHOWN_CHARS = 200
_DETAIL = re.compile(r"'[^']*'|\d[\d,]*")


class BadRows:
    """The first bad row, and how often each reason occurs. Reasons that differ only in numbers and names count as one.

    Memory is bounded, however many rows and reasons there are.
    """

    def __init__(self) -> None:
        self.first: BadRow | None = None
        self.count = 0
        self._counts: Counter[str] = Counter()
        self._examples: dict[str, BadRow] = {}

    def add(self, rows: Iterable[Row]) -> None:
        """Count the bad ones of these rows."""
        for row in rows:
            if type(row) is BadRow:
                self._add(row)

    def _add(self, row: BadRow) -> None:
        self.count += 1
        if self.first is None:
            self.first = row
        kind = kind_of(row.reason)
        if kind in self._counts or len(self._counts) < _MOST_REASONS:
            self._counts[kind] += 1
            self._examples.setdefault(kind, row)

    def why(self, sources: Sequence[str]) -> tuple[str, str]:
        """The source of the first bad row, which there must be; its line and reason, and the commonest reasons."""
        assert self.first is not None  # noqa: S101
        reason = f"line {self.first.line}: {self.first.reason[:_SHOWN_CHARS]}"
        if self.count > 1:
            reason += f"; {self.count:,} bad rows in all"
        if len(self._counts) > 1:
            shown = [
                f"{count:,} like line {self._examples[kind].line} ({self._examples[kind].reason[:_SHOWN_CHARS]})"
                for kind, count in self._counts.most_common(NAMED_REASONS)
            ]
            reason += ": " + "; ".join(shown)
        return sources[self.first.source], reason


def kind_of(reason: str) -> str:
    """A reason without the numbers and names in it: what it has in common with those of other rows."""
    return _DETAIL.sub("", reason[:_SHOWN_CHARS])
