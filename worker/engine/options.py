"""What an engine needs to know of the settings."""

from dataclasses import dataclass
from typing import Self

from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where a model runs and how large a batch may grow.

    `batch_tokens` counts the cells of a batch: rows times the longest prompt plus the longest answer allowed.
    """

    device: str = "auto"
    dtype: str = "auto"
    batch_rows: int = 32
    batch_tokens: int = 32_768

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that an engine reads."""
        return cls(
            device=settings.device,
            dtype=settings.dtype,
            batch_rows=settings.batch_rows,
            batch_tokens=settings.batch_tokens,
        )
