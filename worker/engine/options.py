"""What an engine needs to know of the settings."""

from dataclasses import dataclass
from typing import Self

from schemas.settings import Dtype, Quantize, Settings


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where a model runs and how large a batch may grow.

    `batch_tokens` counts the cells of a batch: rows times the longest prompt plus the longest answer allowed. What is
    None, the engine finds out by itself.
    """

    device: str = "auto"
    dtype: Dtype = "auto"
    quantize: Quantize = "none"
    batch_rows: int | None = None
    batch_tokens: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that an engine reads."""
        return cls(
            device=settings.device,
            dtype=settings.dtype,
            quantize=settings.quantize,
            batch_rows=settings.batch_rows,
            batch_tokens=settings.batch_tokens,
        )
