"""What runs documents through the model, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from qwenq.schemas.errors import GenerationFailed
from qwenq.worker.engines.transformers.request_state import RequestState


def not_a_number(dtype: torch.dtype) -> GenerationFailed:
    """The failure of a document whose logits, computed in this format, are not numbers."""
    advice = "its weights may be damaged" if dtype == torch.float32 else "try --dtype float32"
    return GenerationFailed(reason=f"the model computed something that is not a number; {advice}")


@dataclass(frozen=True, slots=True)
class RowWork:
    """What one step did for one document: prompt tokens computed, cells that this took, tokens generated."""

    state: RequestState
    prompt_tokens: int = 0
    cells: int = 0
    new_tokens: int = 0


class Runner(Protocol):
    """Admits documents while it has room, and gives each a token at every step."""

    @property
    def running(self) -> Sequence[RequestState]:
        """Admitted documents that have not ended."""
        ...

    @property
    def columns(self) -> int:
        """The tokens that its longest document may reach."""
        ...

    @property
    def cells(self) -> int:
        """The tokens that memory is, or was to be, allocated for."""
        ...

    def admit(self, state: RequestState, beside: Sequence[list[int]]) -> bool:
        """Admit a document if there is room. `beside` are waiting prompts of its group."""
        ...

    def step(self) -> list[RowWork]:
        """Run one step. Documents that end are no longer running."""
        ...

    def discard(self, gone: Sequence[RequestState]) -> None:
        """Drop documents, whatever their state."""
        ...

    def close_group(self, group: int) -> None:
        """Note that a group has no more documents here."""
        ...

    def release(self) -> None:
        """Drop all documents and their memory, as after a failed step."""
        ...
