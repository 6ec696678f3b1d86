"""The resident model: loaded once in the life of a process, whatever number of chunks and jobs it answers."""

from collections.abc import Iterable, Iterator, Sequence

from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, ModelInfo, Request
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.factory import make_engine
from qwenq.worker.keeping.keeper import Keeper
from qwenq.worker.turn.self_check import check_engine


class ResidentModel:
    """One engine with its model, and the keeper of the claims that it works for now."""

    def __init__(self, model: str, settings: Settings) -> None:
        self._keeper: Keeper | None = None
        self._engine = make_engine(model, settings, EngineHooks(self._on_step, self._on_batch))

    def load(self) -> ModelInfo:
        """Load the model. Raises ModelUnavailable."""
        return self._engine.load()

    def check(self, info: ModelInfo, stall_seconds: float) -> float | None:
        """Try the model with a short generation. Returns new tokens a second. Raises SelfCheckFailed."""
        return check_engine(self._engine, info, stall_seconds)

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens. For the thread that reads requests. Raises DocumentFailed."""
        return self._engine.prompt_tokens(messages, thinking=thinking)

    def answer(self, requests: Iterable[Request], keeper: Keeper) -> Iterator[Completion]:
        """Answer requests; the keeper of their claims hears of every step, withdraws some, or breaks it off.

        Raises RequestsForgotten: their chunk would else be claimed and given back for ever.
        """
        self._keeper = keeper
        try:
            yield from self._engine.generate(requests)
            keeper.check_answered()
        finally:
            self._keeper = None

    def _on_step(self) -> None:
        if self._keeper is not None:
            for chunk_id in self._keeper.step():
                self._engine.withdraw(chunk_id)
            for claim in self._keeper.newly_paused():
                self._keeper.keep_only(claim, self._engine.withdraw_waiting(claim.chunk_id))

    def _on_batch(self, metrics: BatchMetrics) -> None:
        if self._keeper is not None:
            self._keeper.add_batch(metrics)
