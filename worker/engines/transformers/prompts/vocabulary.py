"""A model's tokens as text, and the control tokens of an answer: its end, its reasoning."""

from dataclasses import dataclass
from typing import Self

from transformers import GenerationConfig, PreTrainedTokenizerBase

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
CLOSING = f"\n{THINK_CLOSE}\n\n"  # as Qwen3 was trained: the tag on its own line, then an empty line


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer with the ids of its control tokens. A model that does not reason has no `think_close`.

    `closing` are the tokens that end a reasoning early.
    """

    tokenizer: PreTrainedTokenizerBase
    ends: frozenset[int]
    think_open: int | None
    think_close: int | None
    closing: tuple[int, ...]

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, config: GenerationConfig | None) -> Self:
        """Collect the end tokens of model and tokenizer, and look up the others by name."""
        named = config.eos_token_id if config is not None else None
        ends = {*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id}
        known = tokenizer.get_vocab()
        return cls(
            tokenizer=tokenizer,
            ends=frozenset(end for end in ends if end is not None),
            think_open=known.get(THINK_OPEN),
            think_close=known.get(THINK_CLOSE),
            closing=tuple(tokenizer.encode(CLOSING, add_special_tokens=False))
            if THINK_CLOSE in known
            else (),
        )

    def text_of(self, ids: list[int]) -> str:
        """Decode `ids` without special tokens."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def leaves_reasoning_open(self, ids: list[int]) -> bool:
        """Whether `ids`, a rendered prompt, ends inside a reasoning block."""
        if self.think_close is None:
            return False
        for token in reversed(ids):
            if token in (self.think_open, self.think_close):
                return token == self.think_open
        return False
