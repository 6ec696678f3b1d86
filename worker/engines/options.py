"""The settings that concern an engine."""

from dataclasses import dataclass
from typing import Self

from qwenq.schemas.settings import Dtype, Quantize, Settings


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where a model runs, and how large prompts and batches may grow.

    `context` limits prompt and answer together, in tokens; the model says how much it may be. `batch_tokens` limits the
    cells of a batch: rows times the longest prompt plus answer. The engine decides itself what is None.
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
        """Copy the settings that an engine reads."""
        return cls(
            device=settings.device,
            dtype=settings.dtype,
            quantize=settings.quantize,
            context=settings.context,
            batch_rows=settings.batch_rows,
            batch_tokens=settings.batch_tokens,
            cuda_graphs=settings.cuda_graphs,
        )
