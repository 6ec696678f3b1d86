"""One document while its answer grows."""

from dataclasses import dataclass, field

import torch

from schemas.errors import GenerationFailed
from schemas.generation import GenerationParams
from schemas.results import FinishReason
from worker.engine.stopping import first_stop, stop_window
from worker.engine.vocabulary import Vocabulary


@dataclass(slots=True, eq=False)
class Sequence:
    """A prompt as token ids, and the tokens generated for it so far.

    `answer_from` is where the answer begins in `generated`; None while the model still reasons.
    `finish` stays None until the answer has ended; `failure` says why there is none.
    """

    key: int
    prompt: list[int]
    params: GenerationParams
    vocabulary: Vocabulary
    generated: list[int] = field(init=False)
    answer_from: int | None = field(init=False)
    finish: FinishReason | None = field(init=False)
    failure: GenerationFailed | None = field(init=False)
    randomness: torch.Generator | None = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was generated, as if the document had just come in."""
        self.generated = []
        self.finish = None
        self.failure = None
        self.answer_from = None if self.vocabulary.leaves_reasoning_open(self.prompt) else 0
        self.randomness = None
        if self.params.temperature > 0:
            # On the CPU whatever the device; without a seed it is 0: a run can always be repeated.
            self.randomness = torch.Generator().manual_seed(self.params.seed or 0)

    @property
    def ended(self) -> bool:
        """Whether no more tokens are wanted."""
        return self.finish is not None

    @property
    def answer(self) -> str:
        """The text after the reasoning, up to where the model or a stop string ended it."""
        if self.answer_from is None:
            return ""
        text = self.vocabulary.text_of(self._without_end(self.answer_from))
        if self.answer_from:
            text = text.lstrip("\n")
        return text[: first_stop(text, self.params.stop)]

    @property
    def reasoning(self) -> str | None:
        """The reasoning without its tags; None if the model did not reason."""
        if self.answer_from == 0:
            return None
        tags = (self.vocabulary.think_open, self.vocabulary.think_close)
        ids = self._without_end(0)[: self.answer_from]
        return self.vocabulary.text_of([id_ for id_ in ids if id_ not in tags]).strip("\n")

    @property
    def reasoning_tokens(self) -> int:
        """How many of the generated tokens are reasoning, its tags included."""
        return len(self.generated) if self.answer_from is None else self.answer_from

    def append(self, token: int) -> None:
        """Take the next token, and notice whether the answer ends with it."""
        self.generated.append(token)
        self._follow_reasoning(token)
        if token in self.vocabulary.ends or self._stopped():
            self.finish = FinishReason.STOP
        elif len(self.generated) >= self.params.max_new_tokens:
            self.finish = FinishReason.LENGTH

    def fail(self, reason: str) -> None:
        """End without an answer."""
        self.failure = GenerationFailed(reason=reason)
        self.finish = FinishReason.ERROR

    def _follow_reasoning(self, token: int) -> None:
        if token == self.vocabulary.think_close and self._may_close():
            self.answer_from = len(self.generated)
        elif token == self.vocabulary.think_open and len(self.generated) == 1:
            self.answer_from = None

    def _may_close(self) -> bool:
        """Whether a closing tag ends the reasoning: it is open, or was asked for and never opened."""
        return self.answer_from is None or (self.params.thinking and self.answer_from == 0)

    def _stopped(self) -> bool:
        """Whether a stop string stands in the answer; in the reasoning it would end nothing of use."""
        if not self.params.stop or self.answer_from is None:
            return False
        start = max(self.answer_from, len(self.generated) - stop_window(self.params.stop))
        nearby = self.vocabulary.text_of(self.generated[start:])
        if first_stop(nearby, self.params.stop) is None:
            return False
        return self._answer_holds_a_stop()

    def _answer_holds_a_stop(self) -> bool:
        """Look again in the whole answer: newlines before it, and a character cut in two, do not count."""
        text = self.vocabulary.text_of(self.generated[self.answer_from :])
        return first_stop(text.lstrip("\n") if self.answer_from else text, self.params.stop) is not None

    def _without_end(self, start: int) -> list[int]:
        """The generated tokens from `start`, without the end token."""
        stop = len(self.generated)
        if self.generated and self.generated[-1] in self.vocabulary.ends:
            stop -= 1
        return self.generated[start:stop]
