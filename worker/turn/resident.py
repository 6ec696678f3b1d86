"""The resident model: loaded once in a process, for all chunks and jobs that it answers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, ModelInfo, Request
from qwenq.schemas.settings import Settings
from qwenq.schemas.workers import LoadProgress
from qwenq.worker.engines.factory import make_engine
from qwenq.worker.keeping.ledger import Ledger
from qwenq.worker.turn.self_check import check_engine


class ResidentModel:
    """One engine with its model, and the ledger of the turn that it answers for now."""

    def __init__(
        self, model: str, settings: Settings, on_load: Callable[[LoadProgress], object] = lambda _: None
    ) -> None:
        self._ledger: Ledger | None = None
        self._engine = make_engine(
            model, settings, EngineHooks(self._on_step, self._on_batch, self._preparing, on_load)
        )

    def load(self) -> ModelInfo:
        """Load the model. Raises ModelUnavailable."""
        return self._engine.load()

    def check(self, info: ModelInfo, stall_seconds: float) -> float | None:
        """Try the model with a short generation. Returns new tokens a second. Raises SelfCheckFailed."""
        return check_engine(self._engine, info, stall_seconds)

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens. For the thread that reads requests. Raises DocumentFailed."""
        with self._preparing():
            return self._engine.prompt_tokens(messages, thinking=thinking)

    def answer(self, requests: Iterable[Request], ledger: Ledger) -> Iterator[Completion]:
        """Answer the requests of a ledger's claims; each step withdraws those that it no longer wants.

        Raises what breaks generation off, and RequestsForgotten when the engine leaves a request unanswered: its chunk
        would be claimed and given back for ever.
        """
        self._ledger = ledger
        ledger.engine_waiting = self._engine.waiting
        try:
            yield from self._engine.generate(requests)
            if ledger.goes_on:
                self._on_step()  # documents may have been given away since the engine's last step
            ledger.check_answered()
        finally:
            self._ledger = None

    def hurry(self) -> None:
        """Have the engine read on: an urgent request comes next. Any thread may call it."""
        self._engine.hurry()

    def _on_step(self) -> None:
        if self._ledger is None:
            return
        for held in self._ledger.step():
            group = held.group
            if held.is_over and not self._ledger.is_asked_for(group):
                self._engine.withdraw(group)
            elif group != held.claim.chunk_id:
                continue  # all of it has begun; if it is over, its answers are dropped
            elif held.is_over:
                self._engine.withdraw_waiting(group)
            elif held.is_paused:
                held.drop_all_but(self._engine.withdraw_waiting(group))
            elif held.is_cutting:
                held.drop_given(self._engine.withdraw_waiting(group, held.end))

    def _preparing(self) -> AbstractContextManager[None]:
        return nullcontext() if self._ledger is None else self._ledger.watch.preparing()

    def _on_batch(self, metrics: BatchMetrics) -> None:
        if self._ledger is not None:
            self._ledger.add_batch(metrics)
