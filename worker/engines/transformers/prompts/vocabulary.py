"""A model's tokens as text, and the control tokens of an answer: its end, its reasoning."""

from dataclasses import dataclass
from typing import Self

from transformers import GenerationConfig, PreTrainedTokenizerBase

from qwenq.worker.engines.transformers.prompts.unfinished import REPLACEMENT, is_one_byte, unfinished_bytes

THINK_OPEN = "<think>"
THINK_CLOSE = "</think>"
LONGEST_CHARACTER = 4  # bytes, so at most as many tokens


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer with the ids of its control tokens. A model that does not reason has no `think_close`."""

    tokenizer: PreTrainedTokenizerBase
    ends: frozenset[int]
    think_open: int | None
    think_close: int | None

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
        )

    def text_of(self, ids: list[int]) -> str:
        """Decode `ids` without special tokens."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def whole_text_of(self, ids: list[int]) -> str:
        """Decode `ids`, which were cut off, without the first bytes of a character that their end leaves incomplete."""
        text = self.text_of(ids)
        if not text.endswith(REPLACEMENT):
            return text
        # A column of the logits that pads the vocabulary has no token.
        tokens = [name or "" for name in self.tokenizer.convert_ids_to_tokens(ids[-LONGEST_CHARACTER:])]
        unfinished = unfinished_bytes(tokens)
        if not unfinished:
            return text  # the model wrote this character, or bytes that are no text
        return self.text_of(ids[:-unfinished]) if is_one_byte(tokens[-1]) else text[: -len(REPLACEMENT)]

    def leaves_reasoning_open(self, ids: list[int]) -> bool:
        """Whether `ids`, a rendered prompt, ends inside a reasoning block."""
        if self.think_close is None:
            return False
        for token in reversed(ids):
            if token in (self.think_open, self.think_close):
                return token == self.think_open
        return False
