"""Fields without a result, whose instruction says what is printed: symbols, and buttons with a text."""

import re
from itertools import pairwise

from qwenq.producer.reading.documents.word.symbols import symbol

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_SYMBOL_WORDS = 2
_MOST_CODE = 7


def printed_by(instruction: str) -> str:
    """What a field prints that has no result; "" for most kinds."""
    words = [found[1] if found[1] is not None else found[2] for found in _WORD.finditer(instruction)]
    kind = words[0].upper() if words else ""
    if kind == "SYMBOL" and len(words) >= _SYMBOL_WORDS:
        return _symbol(words[1], dict(pairwise(words)).get("\\f"))
    if kind == "MACROBUTTON":
        return instruction.strip().split(None, 2)[2] if len(words) > _SYMBOL_WORDS else ""
    return ""


def _symbol(code: str, font: str | None) -> str:
    try:
        number = int(code, 0) if len(code) <= _MOST_CODE else -1
    except ValueError:
        return code
    return symbol(number, font) if number > 0 else ""
