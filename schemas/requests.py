"""What an engine is asked, and what it gives back."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.prompts.messages import Prompt
from qwenq.schemas.results import Failure, FinishReason, Usage
from qwenq.schemas.workers import UNKNOWN_WEIGHTS, LoadedWeights, LoadProgress


@dataclass(frozen=True, slots=True)
class Request:
    """One question to an engine; `key` and `group` come back with its completion.

    Requests of a group (a chunk) are measured together, and can be withdrawn together. After a request that
    `closes_group`, the engine reads the next only when its device will soon want it: reading it may claim a chunk.
    `own_limit`: the row itself limits its answer's tokens, not the job. An `urgent` one begins before all that wait.
    """

    key: int
    prompt: Prompt
    params: GenerationParams
    group: int = 0
    closes_group: bool = False
    own_limit: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to one request. `failure` is set exactly when `finish_reason` is `error`.

    `seconds` passed from when the request entered the engine's device to its end, including steps that were repeated.
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
    """The resident model, loaded. `context` is in tokens; `weights` tell it from other models of its name.

    `generation` holds the sampling parameters that `generate` would take from its generation_config.json, by the names
    of GenerationParams; `not_applied` names what else that file sets.
    """

    model: str
    device: str
    dtype: str
    context: int
    parameters: int
    load_seconds: float
    weights: LoadedWeights = UNKNOWN_WEIGHTS
    generation: Mapping[str, float] = field(default_factory=dict)
    not_applied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BatchMetrics:
    """A group's share of some seconds of generation: documents ended, tokens, wall seconds, memory in bytes.

    `prompt_tokens` went through the model, without the `prefix_tokens` that were reused; `padded_tokens` are the cells
    that this took, so padding waste is padded / prompt - 1. `new_tokens` were generated. Groups that share a step are
    charged their share of its seconds. `together` is the average number of documents, of all groups, in a step.
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


def _ignore(_progress: LoadProgress) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class EngineHooks:
    """What an engine calls while it loads its model and while it generates.

    The generating thread calls `on_step` at least once for each decode step; it may raise to break generation off.
    `on_batch` is called every few seconds for each group in the batch, and when a group has ended. The thread that
    reads requests prepares each of them in the context of `on_prepare`. Any thread calls `on_load` while the model is
    downloaded and loaded.
    """

    on_step: Callable[[], None]
    on_batch: Callable[[BatchMetrics], None]
    on_prepare: Callable[[], AbstractContextManager[None]] = nullcontext
    on_load: Callable[[LoadProgress], object] = _ignore
