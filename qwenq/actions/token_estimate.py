"""Estimate the tokens of a text as Qwen's tokenizers cut it, where no tokenizer is at hand.

Calibrated on English, German and Chinese prose with the vocabulary of Qwen2 and Qwen3: within 10 %.
"""

import re
from collections.abc import Iterable

_PIECES = re.compile(r"(?P<word>[^\W\d_]+)|(?P<other>\d|[^\w\s]+|_+|\s*[\r\n]+)")
_ENGLISH = frozenset(
    {
        *("the", "of", "and", "to", "a", "that", "for", "is", "with", "as", "it", "be", "by", "this", "are"),
        *("or", "not", "on", "at", "from", "have", "has", "which", "you", "its", "their", "his", "below"),
    }
)
_ENGLISH_SHARE = 0.12
"""From this share of such words on, a paragraph is English."""
_ENOUGH_WORDS = 8
_SHORT = 4
"""Words of so many letters are one token in any language that is written with Latin letters."""
_ENGLISH_LETTER, _LETTER = 0.035, 0.34
"""Tokens for each further letter."""
_EAST_ASIAN, _CYRILLIC, _OTHER = 0.56, 0.4, 0.7
"""Tokens for each letter of other scripts."""
_LATIN_END, _CYRILLIC_END, _EAST_ASIAN_BEGIN, _EAST_ASIAN_END = "\u0250", "\u0530", "\u2e80", "\ud7b0"
MESSAGE_TOKENS = 5
"""What the chat template puts around each message, and about as much after the last one."""


def estimated_tokens(texts: Iterable[str]) -> int:
    """Estimate the tokens of a conversation's messages."""
    return round(MESSAGE_TOKENS + sum(MESSAGE_TOKENS + _of_text(text) for text in texts))


def _of_text(text: str) -> float:
    paragraphs = [_pieces(line) for line in text.splitlines(keepends=True)]
    share = _english_share([word for words, _ in paragraphs for word in words])
    tokens = 0.0
    for words, others in paragraphs:
        english = _english_share(words) if len(words) >= _ENOUGH_WORDS else share
        letter = _LETTER + english * (_ENGLISH_LETTER - _LETTER)
        tokens += others + sum(_of_word(word, letter) for word in words)
    return tokens


def _pieces(line: str) -> tuple[list[str], int]:
    words, others = [], 0
    for word, other in _PIECES.findall(line):
        if word:
            words.append(word)
        else:
            others += bool(other)
    return words, others


def _english_share(words: list[str]) -> float:
    if not words:
        return 1.0
    return min(1.0, sum(word.lower() in _ENGLISH for word in words) / len(words) / _ENGLISH_SHARE)


def _of_word(word: str, letter: float) -> float:
    first = word[0]
    if first < _LATIN_END:
        return 1 + letter * max(0, len(word) - _SHORT)
    if _EAST_ASIAN_BEGIN <= first < _EAST_ASIAN_END:
        return _EAST_ASIAN * len(word)
    return max(1.0, (_CYRILLIC if first < _CYRILLIC_END else _OTHER) * len(word))
