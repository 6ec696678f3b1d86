"""A conversation as the model sees it, and its number of tokens. Neither torch nor Transformers is imported."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from qwenq.actions.model_files import ModelFiles
from qwenq.actions.token_estimate import estimated_tokens
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.errors import ConfinedCallFailed, ConfinedProcessKilled
from qwenq.schemas.prompts.messages import BARE, Message

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CHILD = "qwenq.worker.engines.chat_templates"
_LIMITS = Limits(seconds=2.0)


class PromptTokens:
    """Counts the tokens of prompts for a model. `is_exact`: by its own tokenizer, which is on this machine.

    `context` is the longest prompt and answer together, in tokens; None if that is not known.
    """

    def __init__(self, model: str, *, thinking: bool, most_context: int | None = None) -> None:
        self._files = ModelFiles.find(model)
        self._thinking = thinking
        found = self._files.context if self._files else None
        known = [one for one in (found, most_context) if one]
        self.context = min(known) if known else None
        self.is_exact = self._files is not None
        self._renderer = ConfinedProcess(_CHILD, _LIMITS)

    def count(self, messages: Sequence[Message]) -> int:
        """The tokens of a conversation, or an estimate of them."""
        text = self.text(messages)
        if text is None:
            return estimated_tokens(message.content for message in messages)
        # Halves of surrogate pairs fail the document when it runs.
        whole = text.encode("utf-8", "replace").decode()
        return len(self._tokenizer.encode(whole, add_special_tokens=_is_bare(messages)).ids)

    def text(self, messages: Sequence[Message]) -> str | None:
        """The prompt by the model's chat template; None if that is not at hand, takes too long, or refuses."""
        if not self.is_exact:
            return None
        if _is_bare(messages):
            return messages[0].content
        said = [{"role": message.role, "content": message.content} for message in messages]
        given = {
            "messages": said, "tools": None, "documents": None, "add_generation_prompt": True,
            "enable_thinking": self._thinking, **(self._files.special_tokens if self._files else {}),
        }  # fmt: skip
        try:
            request = orjson.dumps([self._files.chat_template if self._files else "", given])
            return self._renderer.call(request).decode()
        except (ConfinedCallFailed, ConfinedProcessKilled, OSError, TypeError, UnicodeError):
            self.is_exact = False
            return None

    @cached_property
    def _tokenizer(self) -> "Tokenizer":
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self._files.tokenizer if self._files else ""))


def _is_bare(messages: Sequence[Message]) -> bool:
    return [message.role for message in messages] == [BARE]
