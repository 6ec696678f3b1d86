"""What a worker hands to its engine, and what it gets back."""

from collections.abc import Callable
from dataclasses import dataclass

from schemas.generation import GenerationParams
from schemas.prompts import Prompt
from schemas.results import Failure, FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Request:
    """One document for the engine; `key` comes back with its completion."""

    key: int
    prompt: Prompt
    params: GenerationParams


@dataclass(frozen=True, slots=True)
class Completion:
    """The engine's answer to one request. `failure` is set exactly when `finish_reason` is `error`."""

    key: int
    text: str
    finish_reason: FinishReason
    usage: Usage
    reasoning: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The resident model, once loaded. `context` is in tokens."""

    model: str
    device: str
    dtype: str
    context: int
    parameters: int
    load_seconds: float


@dataclass(frozen=True, slots=True)
class BatchMetrics:
    """One generated batch: its rows and tokens, wall seconds, and memory in bytes.

    `padded_tokens` are the cells of the padded prompt, so padding waste is padded / prompt - 1.
    """

    rows: int
    prompt_tokens: int
    padded_tokens: int
    new_tokens: int
    seconds: float
    resident_bytes: int
    gpu_peak_bytes: int

    @property
    def tokens_per_second(self) -> float:
        """New tokens a second."""
        return self.new_tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class EngineHooks:
    """What an engine calls while it generates.

    `on_step` is called at least once a decode step and may raise to break the generation off;
    `on_batch` is called once for every batch that ended.
    """

    on_step: Callable[[], None]
    on_batch: Callable[[BatchMetrics], None]
