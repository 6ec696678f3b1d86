"""Documents that were generated more than once: what was lost each time, and whether it had to be."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from schemas.states import DocumentState
from tests.chaos.claims_held import Held, claims_held
from tests.chaos.engine_log import Deed, Generation
from tests.chaos.evidence import Evidence

NOTING_SECONDS = 0.5
"""Between an engine's note that a document has ended and its keeper's hearing of it, on a machine that is busy."""


@dataclass(frozen=True)
class Waste:
    """Generations whose answer was not kept, of documents that somebody still wanted."""

    evidence: Evidence

    @cached_property
    def claims(self) -> dict[tuple[int, int], Held]:
        """Each claim by its chunk and attempt."""
        return claims_held(self.evidence.chunk_changes)

    @cached_property
    def lost(self) -> Sequence[Generation]:
        """Those whose document was answered by another generation, or by none."""
        kept = {(one.job, one.seq): (one.chunk, one.attempt) for one in self.evidence.documents}
        wanted = {
            (one.job, one.seq) for one in self.evidence.documents if one.state != DocumentState.CANCELLED
        }
        return [
            one
            for one in self.evidence.generations
            if (one.job, one.seq) in wanted and kept[one.job, one.seq] != (one.chunk, one.attempt)
        ]

    @property
    def in_flight(self) -> Sequence[Generation]:
        """Those that never came to their end: their process died, or put them down."""
        return [one for one in self.lost if one.ended_at is None]

    @property
    def unwritten(self) -> Sequence[Generation]:
        """Those that came to their end, but not into the store."""
        return [one for one in self.lost if one.ended_at is not None]

    @property
    def forgotten(self) -> Sequence[Generation]:
        """Those of `unwritten` after which their claim was written twice: the second time they should have been."""
        return [one for one in self.unwritten if len(self._writes_after(one)) > 1]

    @property
    def needless(self) -> Sequence[Generation]:
        """Those that a claim began though the document had its outcome before the claim."""
        outcome = {
            (change.job, change.seq): change.at
            for change in self.evidence.document_changes
            if change.became not in (DocumentState.PENDING, DocumentState.RUNNING)
        }
        return [
            one
            for one in self.evidence.generations
            if (claim := self.claims.get((one.chunk, one.attempt)))
            and outcome.get((one.job, one.seq), float("inf")) < claim.claimed_at
        ]

    @property
    def redone(self) -> int:
        """How many generations were not the first of their document."""
        times = Counter((one.job, one.seq) for one in self.evidence.generations)
        return sum(count - 1 for count in times.values())

    @property
    def most_in_flight(self) -> int:
        """The most documents that one process had at work when it ended."""
        open_of: defaultdict[int, int] = defaultdict(int)
        for note in self.evidence.notes:
            open_of[note.pid] += {Deed.BEGUN: 1, Deed.ENDED: -1, Deed.DROPPED: -1}.get(note.deed, 0)
        return max(open_of.values(), default=0)

    def _writes_after(self, one: Generation) -> list[float]:
        claim = self.claims.get((one.chunk, one.attempt))
        ended_at = one.ended_at
        if claim is None or ended_at is None:
            return []
        return [at for at in claim.writes if at > ended_at + NOTING_SECONDS]
