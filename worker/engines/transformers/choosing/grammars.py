"""The grammars of a model's answers. Each schema is compiled once, for that model's tokens, while it is used."""

from collections import OrderedDict
from copy import copy
from dataclasses import dataclass
from functools import cached_property

from llguidance import LLMatcher, LLTokenizer

from qwenq.schemas.errors import InvalidSchema
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.json_schema.grammar import answer_grammar
from qwenq.schemas.json_schema.plain import is_plain
from qwenq.worker.engines.transformers.choosing.grammar import Grammar
from qwenq.worker.engines.transformers.choosing.grammar_trial import GrammarTrial
from qwenq.worker.engines.transformers.choosing.matchers import LEXER_STATES, STATE_BYTES, matcher_of
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary

KEPT_BYTES = 512 * 1024**2
_FEWEST_BYTES = 64 * 1024
_BYTES_A_CHARACTER = 32
_STATES_A_TOKEN = 2


@dataclass(slots=True, eq=False)
class _Compiled:
    """A grammar whose matchers share what they learn about it. `own_bytes` is what it took to compile."""

    tokenizer: LLTokenizer
    grammar: str
    first: LLMatcher
    own_bytes: int
    tokens: int = 0

    @property
    def bytes(self) -> int:
        """An estimate of what it holds, with what it learned from the tokens of its answers."""
        learned = min(self.tokens * _STATES_A_TOKEN, LEXER_STATES) * STATE_BYTES
        return max(self.own_bytes, _FEWEST_BYTES + _BYTES_A_CHARACTER * len(self.grammar)) + learned

    def shared(self) -> LLMatcher:
        """Make a matcher at the beginning."""
        return self.first.deep_copy()

    def fresh(self) -> LLMatcher:
        """Make a matcher that shares nothing. Future shared matchers start anew too."""
        self.first = matcher_of(self.tokenizer, self.grammar)
        self.tokens = 0
        return matcher_of(self.tokenizer, self.grammar)

    def note_token(self) -> None:
        """Count a token of an answer."""
        self.tokens += 1


class Grammars:
    """Makes grammars for answers of one model with `width` logits. Not thread-safe.

    A schema that is not plainly cheap is compiled in a process that can be killed first. What was compiled is kept, the
    latest used, within KEPT_BYTES.
    """

    def __init__(self, vocabulary: Vocabulary, width: int) -> None:
        self._vocabulary = vocabulary
        self._width = width
        self._kept: OrderedDict[str, _Compiled] = OrderedDict()

    def grammar_for(self, params: GenerationParams, prompt: list[int]) -> Grammar | None:
        """Make the grammar of a prompt's answer; None if it may be any text. Raises InvalidSchema."""
        schema = params.response_format.schema_text
        if schema is None:
            return None
        reasons = params.thinking or self._vocabulary.leaves_reasoning_open(prompt)
        compiled = self._compiled(answer_grammar(schema, after_reasoning=reasons), is_plain(schema))
        instead = self._vocabulary.think_open if params.thinking else None
        return Grammar(compiled.shared, compiled.fresh, compiled.note_token, instead)

    def close(self) -> None:
        """End the process of trials, if there is one."""
        if "_trial" in self.__dict__:
            self._trial.close()

    def _compiled(self, grammar: str, plain: bool) -> _Compiled:  # noqa: FBT001 - said by its only caller
        found = self._kept.get(grammar)
        if found is not None:
            self._kept.move_to_end(grammar)
            return found
        found = self._kept[grammar] = self._compile(grammar, plain)
        held = sum(one.bytes for one in self._kept.values())
        while held > KEPT_BYTES and len(self._kept) > 1:
            held -= self._kept.popitem(last=False)[1].bytes
        return found

    def _compile(self, grammar: str, plain: bool) -> _Compiled:  # noqa: FBT001
        own_bytes = 0 if plain else self._trial.bytes_of(grammar)
        first = matcher_of(self._tokenizer, grammar)
        if first.is_error():
            raise InvalidSchema(reason=first.get_error().partition("\n")[0])
        return _Compiled(self._tokenizer, grammar, first, own_bytes)

    @cached_property
    def _trial(self) -> GrammarTrial:
        return GrammarTrial(self._tokenizer_text, self._width, self._ends)

    @cached_property
    def _tokenizer(self) -> LLTokenizer:
        """The model's tokens in the library's form. It takes seconds to make, so it is made on first use."""
        return LLTokenizer(self._tokenizer_text, n_vocab=self._width, eos_token=self._ends)

    @property
    def _tokenizer_text(self) -> str:
        """The tokenizer as in a tokenizer.json, with tokens that only its configuration adds."""
        backend = copy(self._vocabulary.tokenizer.backend_tokenizer)
        backend.no_padding()
        backend.no_truncation()
        return str(backend.to_str())

    @property
    def _ends(self) -> list[int] | None:
        return sorted(self._vocabulary.ends) or None
