"""A document at a decode step: where its keys and values lie, and how many it sees."""

from dataclasses import dataclass

from qwenq.worker.engines.transformers.packed.prefix import Prefix


@dataclass(frozen=True, slots=True)
class DecodeRow:
    """A document that gets a token: its slot, the number of its own columns, and the prefix before them."""

    slot: int
    filled: int
    prefix: Prefix | None

    @property
    def shared(self) -> int:
        """How many columns of the prefix it sees."""
        return len(self.prefix) if self.prefix is not None else 0
