"""A turn's progress, for people who watch Celery's tasks: ids and counts only."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from qwenq.schemas.chunks import Assignment, Claim
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.repeating import repeating

EVERY_SECONDS = 2.0
LAST_WORD_SECONDS = 1.0
"""How long the end of a turn waits for the last report; a broker that is away must not hold up the next turn."""


@dataclass(frozen=True, slots=True)
class TurnProgress:
    """The claim that was answered last, and how far it is; `chunks` were claimed in the turn so far."""

    job_id: int
    chunk_id: int
    attempt: int
    done: int
    documents: int
    chunks: int

    def __str__(self) -> str:
        beside = f"; {self.chunks:,} chunks in this turn" if self.chunks > 1 else ""
        return (
            f"job {self.job_id}, chunk {self.chunk_id}, attempt {self.attempt}: "
            f"{self.done:,} of {self.documents:,} document{'' if self.documents == 1 else 's'}{beside}"
        )


ReportProgress = Callable[[TurnProgress], None]


class ProgressCount:
    """Counts the outcomes of a turn's claims. For one thread at a time."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[Claim, int]] = {}
        self._done: dict[int, int] = {}
        self._current: int | None = None

    def begin(self, assignment: Assignment) -> None:
        """Count one more claim."""
        chunk_id = assignment.claim.chunk_id
        self._begun[chunk_id] = assignment.claim, len(assignment.documents)
        self._done[chunk_id] = 0
        if self._current is None:
            self._current = chunk_id

    def add(self, outcome: Outcome) -> None:
        """Count an outcome; its claim is the current one."""
        self._current = outcome.chunk_id
        self._done[outcome.chunk_id] += 1

    def shrink(self, chunk_id: int, documents: int) -> None:
        """Count fewer documents of a claim: its chunk was cut."""
        claim, counted = self._begun[chunk_id]
        self._begun[chunk_id] = claim, max(self._done[chunk_id], counted - documents)

    def now(self) -> TurnProgress | None:
        """How far the current claim is. None: there is no claim yet."""
        if self._current is None:
            return None
        claim, documents = self._begun[self._current]
        done = self._done[self._current]
        return TurnProgress(claim.job_id, claim.chunk_id, claim.attempt, done, documents, len(self._begun))


def reporting(
    look: Callable[[], TurnProgress | None], report: ReportProgress
) -> AbstractContextManager[None]:
    """Report how far a turn is, every two seconds if that has changed, for as long as the `with` block lasts.

    In a thread of its own: reports go to the broker, and generation must never wait for that.
    """
    reported: TurnProgress | None = None

    def report_if_new() -> float:
        nonlocal reported
        seen = look()
        if seen is not None and seen != reported:
            report(seen)
            reported = seen
        return EVERY_SECONDS if reported else EVERY_SECONDS / 4

    return repeating("progress", report_if_new, EVERY_SECONDS / 4, LAST_WORD_SECONDS)
