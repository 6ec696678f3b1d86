r"""Control characters made visible: a terminal obeys them, and some reverse the order of what is read.

Everything that a person reads goes through here. What programs read (files, JSON, JSONL) keeps each character.
"""

import re

# Lone surrogates too: they stand for bytes that are no text, and cannot be written.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_KEPT = "\n\t"
_DELETE = "\x7f"


def visible(text: str) -> str:
    r"""Replace control characters but the line's end and the tab: ESC by ␛, others by \x9b, \u202e and the like."""
    return text if text.isascii() and text.isprintable() else _CONTROLS.sub(_picture, text)


def visible_line(text: str) -> str:
    """The same for one line: a line's end within it becomes ␊, so that nothing passes for a line of ours."""
    return visible(text).rstrip("\n").replace("\n", "\N{SYMBOL FOR LINE FEED}")


def visible_json(text: str) -> str:
    """Write control characters within JSON as escapes. It stays the same value to every program."""
    return _CONTROLS.sub(lambda found: found[0] if found[0] in _KEPT else f"\\u{ord(found[0]):04x}", text)


def _picture(found: re.Match[str]) -> str:
    character = found[0]
    if character in _KEPT:
        return character
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return character.encode("unicode_escape").decode("ascii")
