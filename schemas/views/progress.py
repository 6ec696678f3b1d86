"""A job's progress over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProgressPoint:
    """A job at one moment: `documents` answered or failed by then, and answer tokens a second just before.

    `tokens_per_second` is None where workers have not reported all of that time yet.
    """

    at: datetime
    documents: int
    tokens_per_second: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A job's points in order of time, `step_seconds` apart; none before its first claim."""

    step_seconds: float = 0.0
    points: Sequence[ProgressPoint] = ()
