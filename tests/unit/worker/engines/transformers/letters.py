"""Letters as documents, engines that answer them, and answers that tests can compare."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from qwenq.schemas.requests import Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.faults import POISON

KINDS = ["qwen3", "qwen3_5"]  # packed, padded
WORDS = ("The invoice", "of Müller", "is due", "on 12 May", "The total", "is 1,250.00", "euros")


def letter(key: int, *, group: int = 0, text: str = "", new: int = 6) -> Request:
    """Ask about a document. The lengths of answers differ."""
    return ask(
        text + " ".join(WORDS[: 1 + key % 7]) + f" {key}", key, group=group, max_new_tokens=new + key % 5
    )


def letters(count: int, poisoned: tuple[int, ...] = ()) -> list[Request]:
    return [letter(key, text=POISON if key in poisoned else "") for key in range(count)]


def by_key(completions: Iterator[Completion]) -> dict[int, Completion]:
    """Collect the answers without the counts of shared prompt tokens."""
    answers = list(completions)
    assert len({answer.key for answer in answers}) == len(answers), "a document was answered twice"
    return {answer.key: replace(answer, usage=replace(answer.usage, prefix_tokens=0)) for answer in answers}


def codes(answers: dict[int, Completion]) -> dict[int, str]:
    return {key: answer.failure.code for key, answer in answers.items() if answer.failure is not None}


class Engines:
    """Makes engines whose `on_step` can be replaced later."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.on_step: Callable[[], None] = lambda: None
        self._checkpoint = checkpoint

    def engine(
        self, name: str = "qwen3", rows: int | None = 4, tokens: int | None = None
    ) -> TransformersEngine:
        """Load an engine that holds so many rows and tokens at once."""
        hooks = EngineHooks(self._step, lambda _: None)
        options = EngineOptions("cpu", batch_rows=rows, batch_tokens=tokens)
        engine = TransformersEngine(str(self._checkpoint(name)), options, hooks)
        engine.load()
        return engine

    def _step(self) -> None:
        self.on_step()
