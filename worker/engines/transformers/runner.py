"""What can keep a batch of documents going."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qwenq.worker.engines.transformers.request_state import RequestState

NOT_A_NUMBER = "the model computed something that is not a number; try --dtype float32"


@dataclass(frozen=True, slots=True)
class RowWork:
    """What one step did for one document: tokens of its prompt computed, the cells this took, tokens generated."""

    state: RequestState
    prompt_tokens: int = 0
    cells: int = 0
    new_tokens: int = 0


class Runner(Protocol):
    """Takes documents in while it has room, and gives each a token at every step."""

    @property
    def running(self) -> Sequence[RequestState]:
        """The documents that were taken in and have not ended."""
        ...

    @property
    def columns(self) -> int:
        """How many tokens its longest document may come to."""
        ...

    @property
    def cells(self) -> int:
        """How many tokens there is, or was to be, memory for."""
        ...

    def admit(self, state: RequestState, beside: Sequence[list[int]]) -> bool:
        """Take a document in, if there is room; `beside` are prompts of its group that wait."""
        ...

    def step(self) -> list[RowWork]:
        """Bring the running documents on. Those that end are no longer running."""
        ...

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Let documents go, whatever their state."""
        ...

    def close_group(self, group: int) -> None:
        """Hear that a group has no more documents here."""
        ...

    def release(self) -> None:
        """Let all documents and the memory for them go, as after a step that failed."""
        ...
