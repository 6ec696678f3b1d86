"""An engine without a model: it answers with the document itself. Made for measuring the pipeline."""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from schemas.errors import DocumentFailed
from schemas.prompts import Prompt
from schemas.requests import BatchMetrics, Completion, EngineHooks, ModelInfo, Request
from schemas.results import FinishReason, Usage
from worker.engine.failures import failed_completion, refuse_blank
from worker.engine.memory import resident_bytes
from worker.engine.options import EngineOptions

ECHO_MODEL = "echo"
UNLIMITED_CONTEXT = 2**31
ROWS = 32


class EchoEngine:
    """Answers each request with its last user message. A whitespace-separated word counts as one token."""

    def __init__(self, options: EngineOptions, hooks: EngineHooks) -> None:
        self._rows = options.batch_rows or ROWS
        self._hooks = hooks
        self._withdrawn: set[int] = set()

    def load(self) -> ModelInfo:
        """Nothing to load."""
        return ModelInfo(
            model=ECHO_MODEL,
            device="none",
            dtype="none",
            context=UNLIMITED_CONTEXT,
            parameters=0,
            load_seconds=0.0,
        )

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer each request in the order given, each before the next is asked for: `requests` may wait for that."""
        self._withdrawn.clear()
        batch = _Batch()
        for request in requests:
            if batch.rows and batch.group != request.group:
                self._hooks.on_batch(batch.metrics())
                batch = _Batch()
            if not batch.rows:
                batch.group = request.group
                self._hooks.on_step()
            if request.group in self._withdrawn:
                continue
            answer = batch.answer(request)
            if batch.rows == self._rows or request.closes_group:
                self._hooks.on_batch(batch.metrics())
                batch = _Batch()
            yield answer
        if batch.rows:
            self._hooks.on_batch(batch.metrics())

    def withdraw(self, group: int) -> None:
        """Answer no further request of the group."""
        self._withdrawn.add(group)

    def withdraw_waiting(self, group: int) -> Collection[int]:
        """Answer no further request of the group: an echo is no sooner begun than given."""
        self.withdraw(group)
        return ()

    def close(self) -> None:
        """Nothing to let go."""


@dataclass(slots=True)
class _Batch:
    """Requests of one group, answered one after the other."""

    group: int = 0
    rows: int = 0
    prompt_tokens: int = 0
    longest: int = 0
    new_tokens: int = 0
    seconds: float = 0.0

    def answer(self, request: Request) -> Completion:
        started = time.perf_counter()
        answer = _answer(request)
        self.rows += 1
        self.prompt_tokens += answer.usage.prompt_tokens
        self.longest = max(self.longest, answer.usage.prompt_tokens)
        self.new_tokens += answer.usage.completion_tokens
        self.seconds += time.perf_counter() - started
        return answer

    def metrics(self) -> BatchMetrics:
        return BatchMetrics(
            rows=self.rows,
            prompt_tokens=self.prompt_tokens,
            padded_tokens=self.rows * self.longest,
            new_tokens=self.new_tokens,
            seconds=self.seconds,
            resident_bytes=resident_bytes(),
            gpu_peak_bytes=0,
            group=self.group,
        )


def _answer(request: Request) -> Completion:
    try:
        refuse_blank(request.prompt.messages)
    except DocumentFailed as error:
        return failed_completion(request.key, error, group=request.group)
    text, reason, words = _echo(_last_user_text(request.prompt), request.params.max_new_tokens)
    for stop in request.params.stop:
        if stop in text:
            text, reason = text.partition(stop)[0], FinishReason.STOP
            words = len(text.split())
    usage = Usage(_count_words(request.prompt), words, 0)
    return Completion(request.key, text, reason, usage, group=request.group)


def _last_user_text(prompt: Prompt) -> str:
    return next(message.content for message in reversed(prompt.messages) if message.role == "user")


def _echo(text: str, limit: int) -> tuple[str, FinishReason, int]:
    words = text.split()
    if len(words) <= limit:
        return text, FinishReason.STOP, len(words)
    return " ".join(words[:limit]), FinishReason.LENGTH, limit


def _count_words(prompt: Prompt) -> int:
    return sum(len(message.content.split()) for message in prompt.messages)
