"""The grammars of a model's answers. Each schema is compiled once, for that model's tokens."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast

from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.hf import from_tokenizer
from transformers import PreTrainedTokenizerFast

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.json_schema.grammar import answer_grammar
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

KEPT = 64
LEXER_STATES = 50_000  # of 1 to 2 KB each
LIMITS = LLParserLimits(max_lexer_states=LEXER_STATES, verbose_errors=False)


@dataclass(slots=True)
class _Compiled:
    """A grammar whose matchers share what they learn about it."""

    tokenizer: LLTokenizer
    grammar: str
    first: LLMatcher

    def shared(self) -> LLMatcher:
        """Make a matcher at the beginning."""
        return self.first.deep_copy()

    def fresh(self) -> LLMatcher:
        """Make a matcher that shares nothing. Future shared matchers start anew too."""
        self.first = _matcher(self.tokenizer, self.grammar)
        return _matcher(self.tokenizer, self.grammar)


class Grammars:
    """Makes grammars for answers of one model with `width` logits. Not thread-safe."""

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        self._vocabulary = vocabulary
        self._width = width
        self._compiled = lru_cache(maxsize=KEPT)(self._compile)

    def grammar_for(self, params: GenerationParams, prompt: list[int]) -> Grammar | None:
        """Make the grammar of a prompt's answer; None if it may be any text. Raises InvalidSchema."""
        schema = params.response_format.schema_text
        if schema is None:
            return None
        reasons = params.thinking or self._vocabulary.leaves_reasoning_open(prompt)
        compiled = self._compiled(answer_grammar(schema, after_reasoning=reasons))
        instead = self._vocabulary.think_open if params.thinking else None
        return Grammar(compiled.shared, compiled.fresh, instead)

    def _compile(self, grammar: str) -> _Compiled:
        first = _matcher(self._tokenizer, grammar)
        if first.is_error():
            raise InvalidSchema(reason=first.get_error().partition("\n")[0])
        return _Compiled(self._tokenizer, grammar, first)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        """The model's tokens in the library's form. It takes seconds to make, so it is made on first use."""
        ends = sorted(self._vocabulary.ends) or None
        tokenizer = cast("PreTrainedTokenizerFast", self._vocabulary.tokenizer)
        return from_tokenizer(tokenizer, n_vocab=self._width, eos_token=ends)


def _matcher(tokenizer: LLTokenizer, grammar: str) -> LLMatcher:
    return LLMatcher(tokenizer, grammar, log_level=0, limits=LIMITS)
