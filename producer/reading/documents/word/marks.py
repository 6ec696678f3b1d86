"""Superscripts, subscripts and struck text of Word documents: runs are marked until their paragraph is whole."""

import re

from qwenq.producer.reading.documents.scripts import SUB, SUPER, in_line

# XML cannot hold these signs, so no text has them.
_SCRIPT, _END, _STRUCK, _STRUCK_END = "\x01", "\x02", "\x03", "\x04"
_KINDS = {"superscript": "^", "subscript": "_"}
# Programs split what belongs together into several runs.
_SCRIPTS = re.compile(rf"{_SCRIPT}([\^_])((?:[^{_END}]++|{_END}{_SCRIPT}\1)*+){_END}")
_ALL = re.compile(f"{_END}?{_SCRIPT}[\\^_]|[{_END}{_STRUCK}{_STRUCK_END}]")
_LONGEST = 64


def marked(text: str, script: str | None, *, is_struck: bool) -> str:
    """The text of a run with marks for how it looks. `script` is the value of `w:vertAlign`."""
    kind = _KINDS.get(script or "")
    if kind and text:
        text = f"{_SCRIPT}{kind}{text}{_END}"
    return f"{_STRUCK}{text}{_STRUCK_END}" if is_struck and text else text


def resolved(text: str) -> str:
    """The text of a paragraph with plain signs for its marks: 10⁶, x^(n+1), ~~struck~~."""
    if _SCRIPT in text:
        text = _SCRIPTS.sub(
            _script, text.replace(f"{_END}{_STRUCK_END}{_STRUCK}{_SCRIPT}", f"{_END}{_SCRIPT}")
        )
    if _STRUCK not in text:
        return text
    pieces = text.replace(_STRUCK_END + _STRUCK, "").split(_STRUCK)
    return pieces[0] + "".join(map(_struck, pieces[1:]))


def _script(found: re.Match[str]) -> str:
    text = _ALL.sub("", found[2])
    inner = text.strip()
    begin = found.start()
    before = _ALL.sub("", found.string[max(begin - 4, 0) : begin])
    if not inner or len(inner) > _LONGEST:
        return text
    written = in_line(inner, SUPER if found[1] == "^" else SUB, "" if text[:1].isspace() else before)
    return text.replace(inner, written, 1)


def _struck(piece: str) -> str:
    """A struck text, and what follows it."""
    text, _, rest = piece.partition(_STRUCK_END)
    inner = text.strip()
    return (text.replace(inner, f"~~{inner}~~", 1) if inner else text) + rest
