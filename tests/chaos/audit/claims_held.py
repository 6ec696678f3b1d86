"""Claims from the store's history: who held which chunk, from when until when, and when they wrote."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from qwenq.schemas.states import ChunkState
from tests.chaos.audit.history import ChunkChange


@dataclass(slots=True)
class Held:
    """One attempt at a chunk. `writes` are the claim itself and each renewal; `ended_at` is None while it is held."""

    chunk: int
    attempt: int
    worker: int | None
    writes: list[float] = field(default_factory=list)
    ended_at: float | None = None

    @property
    def claimed_at(self) -> float:
        """When it was claimed, in seconds since 1970."""
        return self.writes[0]

    def was_held_at(self, moment: float) -> bool:
        """Whether it was held at this moment."""
        return self.claimed_at <= moment and (self.ended_at is None or self.ended_at > moment)

    def lasted_at(self, moment: float) -> bool:
        """The same, including its end: its last outcomes are written in the transaction that ends it."""
        return self.claimed_at <= moment and (self.ended_at is None or self.ended_at >= moment)


def claims_held(changes: Iterable[ChunkChange]) -> dict[tuple[int, int], Held]:
    """All claims by chunk and attempt, in order."""
    claims: dict[tuple[int, int], Held] = {}
    for change in changes:
        name = change.chunk, change.attempt
        if change.became == ChunkState.RUNNING:
            held = claims.setdefault(name, Held(*name, change.worker))
            held.writes.append(change.at)
        elif name in claims:
            claims[name].ended_at = change.at
    return claims
