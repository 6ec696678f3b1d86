"""An engine without a model: it answers with the document itself. Made for measuring the pipeline."""

import time
from collections.abc import Iterable, Iterator
from itertools import islice

from schemas.errors import DocumentFailed
from schemas.prompts import Prompt
from schemas.requests import BatchMetrics, Completion, EngineHooks, ModelInfo, Request
from schemas.results import FinishReason, Usage
from worker.engine.failures import failed_completion, refuse_blank
from worker.engine.memory import resident_bytes
from worker.engine.options import EngineOptions

ECHO_MODEL = "echo"
UNLIMITED_CONTEXT = 2**31


class EchoEngine:
    """Answers each request with its last user message. A whitespace-separated word counts as one token."""

    def __init__(self, options: EngineOptions, hooks: EngineHooks) -> None:
        self._rows = options.batch_rows
        self._hooks = hooks

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
        """Answer each request, in the order given, batch by batch."""
        waiting = iter(requests)
        while batch := list(islice(waiting, self._rows)):
            started = time.perf_counter()
            self._hooks.on_step()
            answers = [_answer(request) for request in batch]
            seconds = time.perf_counter() - started
            yield from answers
            self._hooks.on_batch(_metrics(answers, seconds))

    def close(self) -> None:
        """Nothing to let go."""


def _answer(request: Request) -> Completion:
    try:
        refuse_blank(request.prompt.messages)
    except DocumentFailed as error:
        return failed_completion(request.key, error)
    text, reason, words = _echo(_last_user_text(request.prompt), request.params.max_new_tokens)
    for stop in request.params.stop:
        if stop in text:
            text, reason = text.partition(stop)[0], FinishReason.STOP
            words = len(text.split())
    usage = Usage(_count_words(request.prompt), words, 0)
    return Completion(request.key, text, reason, usage)


def _last_user_text(prompt: Prompt) -> str:
    return next(message.content for message in reversed(prompt.messages) if message.role == "user")


def _echo(text: str, limit: int) -> tuple[str, FinishReason, int]:
    words = text.split()
    if len(words) <= limit:
        return text, FinishReason.STOP, len(words)
    return " ".join(words[:limit]), FinishReason.LENGTH, limit


def _count_words(prompt: Prompt) -> int:
    return sum(len(message.content.split()) for message in prompt.messages)


def _metrics(answers: list[Completion], seconds: float) -> BatchMetrics:
    prompts = [answer.usage.prompt_tokens for answer in answers]
    return BatchMetrics(
        rows=len(answers),
        prompt_tokens=sum(prompts),
        padded_tokens=len(prompts) * max(prompts),
        new_tokens=sum(answer.usage.completion_tokens for answer in answers),
        seconds=seconds,
        resident_bytes=resident_bytes(),
        gpu_peak_bytes=0,
    )
