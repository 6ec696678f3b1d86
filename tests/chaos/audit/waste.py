"""Documents that were generated more than once: what was lost, and whether that was needless."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from qwenq.schemas.states import DocumentState
from tests.audit import UNFINISHED
from tests.chaos.audit.claims_held import Held, claims_held
from tests.chaos.audit.evidence import Evidence
from tests.chaos.audit.history import DocumentChange
from tests.chaos.engines.log import Deed, Generation

Place = tuple[int, int]
"""A document's job and seq."""


@dataclass(frozen=True)
class Waste:
    """Generations whose outcome was not kept, of documents that were still wanted."""

    evidence: Evidence

    @cached_property
    def claims(self) -> dict[tuple[int, int], Held]:
        """Each claim by its chunk and attempt."""
        return claims_held(self.evidence.chunk_changes)

    @cached_property
    def lost(self) -> Sequence[Generation]:
        """Generations without a written answer or failure."""
        wanted = {
            (one.job, one.seq) for one in self.evidence.documents if one.state != DocumentState.CANCELLED
        }
        answered = {(one.job, one.seq, one.chunk, one.attempt) for one in self.evidence.result_writes}
        return [
            one
            for one in self.evidence.generations
            if (one.job, one.seq) in wanted
            and (one.job, one.seq, one.chunk, one.attempt) not in answered
            and not self._has_failed(one)
        ]

    @property
    def in_flight(self) -> Sequence[Generation]:
        """Wasted generations that never ended: their process died or dropped them."""
        return [one for one in self.lost if one.ended_at is None]

    @property
    def unwritten(self) -> Sequence[Generation]:
        """Wasted generations that ended but were not written."""
        return [one for one in self.lost if one.ended_at is not None]

    @property
    def needless(self) -> Sequence[Generation]:
        """Generations of documents that had their outcome before the claim."""
        return [
            one
            for one in self.evidence.generations
            if (claim := self.claims.get((one.chunk, one.attempt)))
            and self._state_at((one.job, one.seq), claim.claimed_at) not in UNFINISHED
        ]

    @property
    def redone(self) -> int:
        """Count generations that were not the first of their document."""
        times = Counter((one.job, one.seq) for one in self.evidence.generations)
        return sum(count - 1 for count in times.values())

    @property
    def most_in_flight(self) -> int:
        """The most documents that one process had in flight when it ended."""
        open_of: defaultdict[int, int] = defaultdict(int)
        for note in self.evidence.notes:
            open_of[note.pid] += {Deed.BEGUN: 1, Deed.ENDED: -1, Deed.DROPPED: -1}.get(note.deed, 0)
        return max(open_of.values(), default=0)

    @cached_property
    def _changes(self) -> Mapping[Place, list[DocumentChange]]:
        found = defaultdict(list)
        for change in self.evidence.document_changes:
            found[change.job, change.seq].append(change)
        return found

    def _state_at(self, place: Place, moment: float) -> str:
        """A document's state at this moment; pending before its first change."""
        before = [one for one in self._changes.get(place, ()) if one.at < moment]
        return before[-1].became if before else DocumentState.PENDING

    def _has_failed(self, one: Generation) -> bool:
        """Whether its claim wrote a failure of the document after the generation ended."""
        claim = self.claims.get((one.chunk, one.attempt))
        if claim is None or one.ended_at is None:
            return False
        return any(
            change.became == DocumentState.FAILED and claim.lasted_at(change.at)
            for change in self._changes.get((one.job, one.seq), ())
        )
