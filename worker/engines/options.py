"""What an engine needs to know of the settings."""

from dataclasses import dataclass
from typing import Self

from qwenq.schemas.settings import Dtype, Quantize, Settings


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where a model runs and how large a prompt and a batch may grow.

    `context` bounds a prompt with its answer, in tokens, below what the model was made for.
    `batch_tokens` counts the cells of a batch: rows times the longest prompt plus the longest answer allowed. What is
    None, the engine finds out by itself.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    quantize: Quantize = "none"
    context: int | None = None
    batch_rows: int | None = None
    batch_tokens: int | None = None
    cuda_graphs: bool = True

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that an engine reads."""
        return cls(
            device=settings.device,
            dtype=settings.dtype,
            quantize=settings.quantize,
            context=settings.context,
            batch_rows=settings.batch_rows,
            batch_tokens=settings.batch_tokens,
            cuda_graphs=settings.cuda_graphs,
        )
