"""Tell encodings of East Asia apart: read in the wrong one, text consists of rare characters."""

import re
from collections.abc import Mapping

COMMON_SHARE = 0.85
"""The least share of common characters in text that is read right."""
_LEAD = 0.1
_MOST_CHARS = 8_000
_ENCODINGS = ("cp932", "euc_jp", "gb18030", "big5", "cp949")
_KANA = ("\u3040", "\u30ff")
# An accented letter and the byte behind it read as one such character.
_LONELY = re.compile(r"(?:[A-Za-z](?:[^\x00-\x7f](?![^\x00-\x7f]))|(?<![^\x00-\x7f])[^\x00-\x7f][A-Za-z])")
_RUN = re.compile(r"[^\x00-\x7f]+")
_MOST_LONELY = 0.3
_MOST_KANA_IN_CHINESE = 0.1


def is_east_asian(encoding: str) -> bool:
    """Whether it is one of the encodings that this module knows."""
    return encoding in _ENCODINGS


def with_common_characters(texts: Mapping[str, str]) -> dict[str, str]:
    """The readings in encodings of East Asia whose characters are common, and clearly commoner than in others."""
    shares = {name: _share(name, text) for name, text in texts.items() if is_east_asian(name)}
    best = max(shares.values(), default=0.0)
    return {name: texts[name] for name, share in shares.items() if share >= max(COMMON_SHARE, best - _LEAD)}


def _share(encoding: str, text: str) -> float:
    """The share of characters beside ASCII that are common in the encoding's language."""
    if len(_LONELY.findall(text)) > _MOST_LONELY * len(_RUN.findall(text)):
        return 0.0
    chars = [char for char in text if not char.isascii()][:_MOST_CHARS]
    if not chars:
        return 0.0
    kana = sum(_KANA[0] <= char <= _KANA[1] for char in chars)
    if encoding in {"gb18030", "big5", "cp949"} and kana > _MOST_KANA_IN_CHINESE * len(chars):
        return 0.0
    return sum(_is_common(encoding, char) for char in chars) / len(chars)


def _is_common(encoding: str, char: str) -> bool:
    """Whether a character is a sign, a kana, or in the first level of the standard, which has the common ones."""
    if "\u3000" <= char <= _KANA[1] or "\uff00" <= char <= "\uff60" or "\u2010" <= char <= "\u2030":
        return True
    standard, first, last = {
        "cp932": ("euc_jp", 0xB0, 0xCF),
        "euc_jp": ("euc_jp", 0xB0, 0xCF),
        "gb18030": ("gb2312", 0xB0, 0xD7),
        "big5": ("big5", 0xA4, 0xC6),
        "cp949": ("euc_kr", 0xB0, 0xC8),
    }[encoding]
    try:
        written = char.encode(standard)
    except UnicodeEncodeError:
        return False
    return len(written) == 2 and first <= written[0] <= last  # noqa: PLR2004 - these write two bytes
