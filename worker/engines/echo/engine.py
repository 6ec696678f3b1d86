"""An engine without a model, for measuring the pipeline. It answers with the document itself."""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from qwenq.schemas.errors import DocumentFailed, GenerationFailed
from qwenq.schemas.measures.answer_seconds import AnswerSeconds
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, ModelInfo, Request
from qwenq.schemas.response_format import ResponseFormat, ResponseType
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.workers import LoadedWeights
from qwenq.worker.engines.failures import failed_completion, no_room, refuse_blank, required
from qwenq.worker.engines.memory import resident_bytes
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.protocol import EngineDescription

ECHO_MODEL = "echo"
UNLIMITED_CONTEXT = 2**31
ROWS = 32
REPORT_SECONDS = 1.0


class EchoEngine:
    """Answers each request with its last user message. A whitespace-separated word counts as one token."""

    def __init__(self, options: EngineOptions, hooks: EngineHooks) -> None:
        self._rows = options.batch_rows or ROWS
        self._context = options.context or UNLIMITED_CONTEXT
        self._hooks = hooks
        self._withdrawn: dict[int, int] = {}

    def load(self) -> ModelInfo:
        """Nothing to load."""
        return ModelInfo(
            model=ECHO_MODEL,
            device="none",
            dtype="none",
            context=self._context,
            parameters=0,
            load_seconds=0.0,
            weights=LoadedWeights(ECHO_MODEL),
        )

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer requests in order, each before the next is read, so `requests` may wait for an answer."""
        self._withdrawn.clear()
        share = _Share()
        for request in requests:
            if request.group != share.group:
                self._report(share)
                share = _Share(request.group)
            if share.rows % self._rows == 0:
                self._hooks.on_step()
            if self._is_withdrawn(request):
                continue
            answer = share.add(_answer(request, self._context))
            if request.closes_group or share.is_due:
                self._report(share)
                share = _Share(request.group)
            yield answer
        self._report(share)

    def describe(self) -> EngineDescription:
        """Say how many requests are reported together."""
        return EngineDescription("one by one", "no model", "none", "none", self._rows)

    def _is_withdrawn(self, request: Request) -> bool:
        first = self._withdrawn.get(request.group)
        return first is not None and request.key >= first

    def _report(self, share: "_Share") -> None:
        if share.rows:
            self._hooks.on_batch(share.metrics(together=min(share.rows, self._rows)))

    def prompt_tokens(self, messages: Iterable[Message], *, thinking: bool) -> int:
        """Count the words of a prompt."""
        del thinking
        return count_words(messages)

    def withdraw(self, group: int) -> None:
        """Answer no further request of the group."""
        self._withdrawn[group] = 0

    def withdraw_waiting(self, group: int, first: int = 0) -> Collection[int]:
        """Answer no further request of the group with a key from `first` on. Nothing of it is in flight."""
        self._withdrawn[group] = min(first, self._withdrawn.get(group, first))
        return ()

    def hurry(self) -> None:
        """Nothing waits here: each request is answered before the next is read."""

    def waiting(self) -> int:
        """Nothing waits: each request is answered before the next is read."""
        return 0


@dataclass(slots=True)
class _Share:
    """A group's requests of the last second or so, answered one after the other."""

    group: int = 0
    rows: int = 0
    prompt_tokens: int = 0
    new_tokens: int = 0
    seconds: float = 0.0
    began: float = field(default_factory=time.monotonic)
    answer_seconds: AnswerSeconds = field(default_factory=AnswerSeconds)

    @property
    def is_due(self) -> bool:
        return time.monotonic() - self.began > REPORT_SECONDS

    def add(self, answer: Completion) -> Completion:
        self.rows += 1
        self.prompt_tokens += answer.usage.prompt_tokens
        self.new_tokens += answer.usage.completion_tokens
        self.seconds += answer.seconds
        if answer.failure is None:
            self.answer_seconds.add(answer.seconds)
        return answer

    def metrics(self, together: int) -> BatchMetrics:
        return BatchMetrics(
            rows=self.rows,
            prompt_tokens=self.prompt_tokens,
            padded_tokens=self.prompt_tokens,
            new_tokens=self.new_tokens,
            seconds=self.seconds,
            resident_bytes=resident_bytes(),
            gpu_peak_bytes=0,
            group=self.group,
            together=together,
            answer_seconds=self.answer_seconds,
        )


def _answer(request: Request, context: int) -> Completion:
    started = time.perf_counter()
    try:
        refuse_blank(request.prompt.messages)
        _refuse_format(request.params.response_format)
        prompt_tokens = count_words(request.prompt.messages)
        if prompt_tokens + request.params.max_new_tokens > context:
            raise no_room(request, prompt_tokens, context)
    except DocumentFailed as error:
        return failed_completion(request.key, error, group=request.group)
    text, reason, words = _echo(_last_user_text(request.prompt), request.params.max_new_tokens)
    for stop in request.params.stop:
        if stop in text:
            text, reason = text.partition(stop)[0], FinishReason.STOP
            words = len(text.split())
    usage = Usage(prompt_tokens, words, 0)
    seconds = time.perf_counter() - started
    answer = Completion(request.key, text, reason, usage, group=request.group, seconds=seconds)
    return required(answer) if request.params.require_answer else answer


def _last_user_text(prompt: Prompt) -> str:
    said = (message.content for message in reversed(prompt.messages) if message.asks)
    return next(said, prompt.messages[-1].content)


def _echo(text: str, limit: int) -> tuple[str, FinishReason, int]:
    words = text.split()
    if len(words) <= limit:
        return text, FinishReason.STOP, len(words)
    return " ".join(words[:limit]), FinishReason.LENGTH, limit


def count_words(messages: Iterable[Message]) -> int:
    """Count words, which are the echo engine's tokens."""
    return sum(len(message.content.split()) for message in messages)


def _refuse_format(form: ResponseFormat) -> None:
    """Raise GenerationFailed if the answer must be JSON: an echo is the document, whatever it is."""
    if form.type is not ResponseType.TEXT:
        raise GenerationFailed(reason=f"the model echo cannot hold its answer to the format {form.type}")
