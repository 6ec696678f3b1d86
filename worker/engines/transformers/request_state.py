"""A request while it is being answered."""

import hashlib
from collections import deque
from dataclasses import dataclass, field

import torch

from qwenq.schemas.errors import DocumentFailed, IncompleteJson, InvalidAnswer
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.json_schema.answer_check import answer_check
from qwenq.schemas.requests import Completion
from qwenq.schemas.results import FinishReason, Usage
from qwenq.worker.engines.failures import failed_completion, required
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.choosing.penalties import Penalties
from qwenq.worker.engines.transformers.choosing.stopping import StopSearch, Tail
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

RETRY_TEMPERATURE = 0.3
"""Of a second try where the first was greedy: it would only repeat itself."""


@dataclass(slots=True, eq=False)
class RequestState:
    """A prompt as token ids, and the tokens generated for it so far.

    `answer_from` is where the answer begins in `generated`; None while the model reasons. `finish` is None until the
    answer has ended; `failure` says why there is no answer. The runner sets `prefix_tokens`: the tokens of the prompt
    that it reused. `admitted_at` is when the request was first admitted, by the monotonic clock; a restart keeps it.
    `forced` are the next tokens, whatever the model would choose; otherwise `grammar` says which are allowed. `closing`
    are forced when the reasoning has used up its budget. `wants_retry`: the answer is whole but not valid, and is to be
    tried once more.
    """

    key: int
    prompt: list[int]
    params: GenerationParams
    vocabulary: Vocabulary
    group: int = 0
    grammar: Grammar | None = None
    closing: tuple[int, ...] = ()
    admitted_at: float = field(init=False, default=0.0)
    prefix_tokens: int = field(init=False)
    generated: list[int] = field(init=False)
    answer_from: int | None = field(init=False)
    finish: FinishReason | None = field(init=False)
    failure: DocumentFailed | None = field(init=False)
    randomness: torch.Generator | None = field(init=False)
    penalties: Penalties | None = field(init=False)
    forced: deque[int] = field(init=False)
    wants_retry: bool = field(init=False)
    _tried: bool = field(init=False, default=False)
    _spent: tuple[int, int] = field(init=False, default=(0, 0))
    _forced_from: int = field(init=False)
    _stops: StopSearch | None = field(init=False)
    _tail: Tail | None = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Discard what was generated, as if the request had just been admitted."""
        self.prefix_tokens = 0
        self.generated = []
        self.finish = None
        self.failure = None
        self.wants_retry = False
        self.answer_from = None if self.vocabulary.leaves_reasoning_open(self.prompt) else 0
        self.randomness = None
        if self.params.temperature:
            # Always on the CPU. The seed is 0 by default, so a run can be repeated.
            self.randomness = torch.Generator().manual_seed(self.params.seed or 0)
        self.penalties = Penalties.of(self.params, self.prompt)
        self.forced = deque()
        self._forced_from = 0
        self._stops = StopSearch.of(self.params.stop)
        self._tail = None
        if self.grammar is not None:
            self.grammar.restart()
        self._keep_to_budget()

    def retry(self) -> None:
        """Begin again with other random numbers, and sampled if the first try was greedy.

        They come from the seed, or from the prompt of a greedy document: the same on any worker, in any batch.
        """
        params = self.params
        said = f"again\0{(params.seed or 0) if params.temperature else self.prompt}"
        seed = int.from_bytes(hashlib.sha256(said.encode()).digest()[:8]) >> 1
        temperature = params.temperature or RETRY_TEMPERATURE
        self.params = params.model_copy(update={"temperature": temperature, "seed": seed})
        self._tried = True
        self._spent = len(self.generated), self.reasoning_tokens
        self.restart()

    @property
    def ended(self) -> bool:
        """Whether no more tokens are wanted."""
        return self.finish is not None

    @property
    def answering(self) -> bool:
        """Whether the model chooses the next token, and it belongs to the answer."""
        return self.answer_from is not None and not self.forced

    @property
    def answer(self) -> str:
        """The text after the reasoning, up to the end token or a stop string."""
        if self.answer_from is None:
            return ""
        text = self._ending_text(self._without_end(self.answer_from))
        if self.answer_from:
            text = text.lstrip("\n")
        return text[: self._stops.first_in(text)] if self._stops else text

    @property
    def reasoning(self) -> str | None:
        """The reasoning without its tags; None if the model did not reason."""
        if self.answer_from == 0:
            return None
        tags = (self.vocabulary.think_open, self.vocabulary.think_close)
        ids = self._without_end(0)[: self.answer_from]
        own, rest = (
            [id_ for id_ in some if id_ not in tags]
            for some in (ids[: self._forced_from], ids[self._forced_from :])
        )
        text = self.vocabulary.whole_text_of(own) if own else ""
        text += self._ending_text(rest) if self.answer_from is None else self.vocabulary.text_of(rest)
        return text.strip("\n")

    @property
    def reasoning_tokens(self) -> int:
        """How many generated tokens are reasoning, including its tags."""
        return len(self.generated) if self.answer_from is None else self.answer_from

    def _ending_text(self, ids: list[int]) -> str:
        """Decode tokens up to the last one. A character that the limit cut off is left out."""
        if self.finish is FinishReason.LENGTH:
            return self.vocabulary.whole_text_of(ids)
        return self.vocabulary.text_of(ids)

    def append(self, token: int) -> None:
        """Append the next token, and end the answer if it is the last one."""
        if self.forced:
            self.forced.popleft()
        self.generated.append(token)
        if self.penalties is not None:
            self.penalties.add(token)
        self._follow_reasoning(token)
        self._follow_grammar(token)
        if token in self.vocabulary.ends or self._stopped() or self._grammar_is_complete():
            self.finish = FinishReason.STOP
        elif len(self.generated) >= self.params.max_new_tokens:
            self.finish = FinishReason.LENGTH
        else:
            self._keep_to_budget()
        self._refuse_incomplete()

    def fail(self, failure: DocumentFailed) -> None:
        """End without an answer."""
        self.failure = failure
        self.finish = FinishReason.ERROR

    def completion(self, ended_at: float) -> Completion:
        """Return the completion; `ended_at` is a moment of the monotonic clock.

        `completion_tokens` counts every generated token: reasoning, its tags, the end token, and those of a first try.
        A reasoning that was cut off at the limit stays reasoning: the text is then empty.
        """
        if self.failure is not None:
            return failed_completion(self.key, self.failure, len(self.prompt), group=self.group)
        answer = Completion(
            key=self.key,
            text=self.answer,
            finish_reason=self.finish or FinishReason.LENGTH,
            usage=Usage(
                prompt_tokens=len(self.prompt),
                completion_tokens=len(self.generated) + self._spent[0],
                reasoning_tokens=self.reasoning_tokens + self._spent[1],
                prefix_tokens=self.prefix_tokens,
            ),
            reasoning=self.reasoning,
            group=self.group,
            seconds=ended_at - self.admitted_at,
        )
        return required(answer) if self.params.require_answer else answer

    def _follow_reasoning(self, token: int) -> None:
        if token == self.vocabulary.think_close and self._may_close():
            self.answer_from = len(self.generated)
            self._tail = None
        elif token == self.vocabulary.think_open and len(self.generated) == 1:
            self.answer_from = None

    def _follow_grammar(self, token: int) -> None:
        if self.grammar is None or self.answer_from is None or self.answer_from == len(self.generated):
            return
        self.grammar.accept(token)

    def _grammar_is_complete(self) -> bool:
        return self.grammar is not None and self.grammar.complete

    def _refuse_incomplete(self) -> None:
        """Fail if the answer ended before its grammar did, or the grammar gave up."""
        if self.grammar is None:
            return
        if self.grammar.failure is not None:
            self.fail(self.grammar.failure)
        elif self.ended and not self.grammar.complete:
            self.fail(IncompleteJson(tokens=len(self.generated)))
        elif self.ended:
            self._check_answer()

    def _check_answer(self) -> None:
        """Check what the grammar cannot hold. The first invalid answer is tried again, the second fails."""
        schema = self.params.response_format.schema_text
        reason = None if schema is None else answer_check(schema).fault_of(self.answer)
        if reason is None:
            return
        if self._tried:
            self.fail(InvalidAnswer(reason=reason))
        else:
            self.wants_retry = True

    def _keep_to_budget(self) -> None:
        """Close the reasoning if it has used up its budget."""
        budget = self.params.thinking_budget
        if budget is None or self.answer_from is not None or self.forced:
            return
        if len(self.generated) >= budget:
            self.forced.extend(self.closing)
            self._forced_from = len(self.generated)

    def _may_close(self) -> bool:
        """Whether a closing tag ends the reasoning: it is open, or was requested and never opened."""
        return self.answer_from is None or (self.params.thinking and self.answer_from == 0)

    def _stopped(self) -> bool:
        """Whether the answer contains a stop string. In the reasoning, stop strings are ignored."""
        if self._stops is None or self.answer_from is None or self.answer_from == len(self.generated):
            return False
        if self._tail is None:
            self._tail = Tail(self.vocabulary, self._stops.longest)
        if self._stops.first_in(self._tail.add(self.generated[-1])) is None:
            return False
        # Search the whole answer: leading newlines and half characters do not count.
        text = self.vocabulary.text_of(self.generated[self.answer_from :])
        return self._stops.first_in(text.lstrip("\n") if self.answer_from else text) is not None

    def _without_end(self, start: int) -> list[int]:
        """Return the generated tokens from `start`, without the end token."""
        stop = len(self.generated)
        if self.generated and self.generated[-1] in self.vocabulary.ends:
            stop -= 1
        return self.generated[start:stop]
