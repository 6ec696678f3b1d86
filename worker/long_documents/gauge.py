"""Whether a prompt fits into the model's context: by its length where that is enough, else by counting its tokens."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Protocol

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message

MESSAGE_TOKENS = 16
"""More than any chat template puts around one message."""


class TokenCounter(Protocol):
    """Counts prompts as the model will see them. Raises DocumentFailed."""

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens."""
        ...


class Gauge:
    """Measures prompts against a model's context, in tokens. For the thread that reads requests."""

    def __init__(self, counter: TokenCounter, context: int) -> None:
        self._counter = counter
        self.context = context

    def room(self, params: GenerationParams) -> int:
        """The tokens that a prompt may have beside the longest allowed answer."""
        return self.context - params.max_new_tokens

    def surely_fits(self, messages: Iterable[Message], params: GenerationParams) -> bool:
        """Whether a prompt is so short that it fits without counting: no token is shorter than a byte."""
        most = self._frame
        for message in messages:
            text = message.content
            try:
                most += MESSAGE_TOKENS + (len(text) if text.isascii() else len(text.encode()))
            except UnicodeEncodeError:  # half of a surrogate pair: the engine refuses it, whatever its length
                return True
        return most <= self.room(params)

    def tokens(self, messages: Sequence[Message], params: GenerationParams) -> int:
        """Count the tokens of a prompt. Raises DocumentFailed."""
        return self._counter.prompt_tokens(messages, thinking=params.thinking)

    def fits(self, messages: Sequence[Message], params: GenerationParams) -> bool:
        """Whether a prompt leaves room for its answer. Raises DocumentFailed."""
        return self.surely_fits(messages, params) or self.tokens(messages, params) <= self.room(params)

    @cached_property
    def _frame(self) -> int:
        """The tokens of the shortest conversation in the chat template, with the template's own system message."""
        return max(
            self._counter.prompt_tokens((Message("user", "."),), thinking=thinking)
            for thinking in (False, True)
        )
