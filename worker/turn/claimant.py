"""A worker that claims chunks: it asks the store process for each claim."""

from dataclasses import dataclass

from qwenq.schemas.chunks import Assignment
from qwenq.worker.store_process.claiming import (
    ANY_CRASHES,
    Terms,
    claim_beside,
    claim_named,
    claim_next,
    claim_urgent,
)
from qwenq.worker.store_process.client import Lane, StoreWork


@dataclass(frozen=True, slots=True)
class Claimant:
    """Claims for one worker and its model; a claim comes with what it has to answer. Any thread may ask.

    Every method raises StoreAway.
    """

    store: StoreWork
    terms: Terms

    def claim(self, chunk_id: int) -> Assignment | None:
        """Claim this chunk or, if it does not wait, the next one. None: no chunk waits."""
        return self.store.run(Lane.CLAIMING, claim_named, self.terms, chunk_id)

    def claim_next(self, most_crashes: int = ANY_CRASHES) -> Assignment | None:
        """Claim the next waiting chunk with no more crashes than this. None: no such chunk waits."""
        return self.store.run(Lane.CLAIMING, claim_next, self.terms, most_crashes)

    def claim_beside(self) -> Assignment | None:
        """Claim the next waiting chunk, unless it is a suspect: that is answered alone. None: nothing is claimed."""
        return self.store.run(Lane.CLAIMING, claim_beside, self.terms)

    def claim_urgent(self) -> Assignment | None:
        """Claim the next waiting chunk of an urgent job, unless it is a suspect. None: nothing is claimed."""
        return self.store.run(Lane.CLAIMING, claim_urgent, self.terms)
