"""What a worker hands to its engine, and what it gets back."""

from collections.abc import Callable
from dataclasses import dataclass, field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.prompts.messages import Prompt
from qwenq.schemas.results import Failure, FinishReason, Usage


@dataclass(frozen=True, slots=True)
class Request:
    """One document for the engine; `key` and `group` come back with its completion.

    Requests of a group (a chunk) are measured together, and can be withdrawn together. After one that
    `closes_group`, the engine asks for the next only when its device will soon want it.
    """

    key: int
    prompt: Prompt
    params: GenerationParams
    group: int = 0
    closes_group: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one request. `failure` is set exactly when `finish_reason` is `error`.

    `seconds` went by from the request's entering the engine's device to its end, whatever was begun again between.
    """

    key: int
    text: str
    finish_reason: FinishReason
    usage: Usage
    reasoning: str | None = None
    failure: Failure | None = None
    group: int = 0
    # Measured, not answered: the same answer twice is equal.
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The resident model, once loaded. `context` is in tokens; `revision` tells its weights from later ones."""

    model: str
    device: str
    dtype: str
    context: int
    parameters: int
    load_seconds: float
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class BatchMetrics:
    """A group's share of a stretch of generation: documents ended, tokens, wall seconds, memory in bytes.

    `prompt_tokens` is what went through the model, without the `prefix_tokens` that were reused; `padded_tokens` are
    the cells that this took, so padding waste is padded / prompt - 1. `new_tokens` were generated. Where several groups
    share a step, each is charged its share of the seconds. `together` is how many documents, of whatever group, its
    steps brought on at once, on average.
    """

    rows: int
    prompt_tokens: int
    padded_tokens: int
    new_tokens: int
    seconds: float
    resident_bytes: int
    gpu_peak_bytes: int
    prefix_tokens: int = 0
    group: int = 0
    together: float = 0.0
    answer_seconds: AnswerSeconds = field(default_factory=AnswerSeconds)

    @property
    def tokens_per_second(self) -> float:
        """New tokens a second."""
        return self.new_tokens / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class EngineHooks:
    """What an engine calls while it generates.

    `on_step` is called at least once a decode step, by the thread that generates, and may raise to break the
    generation off; `on_batch` is called every few seconds for each group at work, and when a group has ended.
    """

    on_step: Callable[[], None]
    on_batch: Callable[[BatchMetrics], None]
