"""Equations (OMML) on one line: a/b, 10^-6, √(x+1), ∑_(i=1)^n i."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.elements import child, children, name_of, switch, value

if TYPE_CHECKING:
    from lxml.etree import _Element

_ATOM = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|.?", re.DOTALL)
EXPONENT = re.compile(r"[-+\u2212±]?(?:[^\W\d_]+|\d+(?:[.,]\d+)*)|.?", re.DOTALL)
UNSEEN = re.compile("[\u2061-\u2064]")
_HAT = "\u0302"


def linear(equation: "_Element") -> str:
    """The text of an equation (`m:oMath`)."""
    return _joined(equation)


def _joined(parent: "_Element | None") -> str:
    """The pieces side by side. A number beside a fraction keeps its distance: 2 1/2 is not 21/2."""
    if parent is None:
        return ""
    text, after_fraction = "", False
    for one in parent:
        piece = _piece(one)
        is_fraction = name_of(one) == "f"
        if (is_fraction or after_fraction) and text[-1:].isalnum() and piece[:1].isalnum():
            text += " "
        text += piece
        after_fraction = is_fraction and bool(piece)
    return text


def _piece(one: "_Element") -> str:
    name = name_of(one)
    if name == "t":
        return UNSEEN.sub("", one.text or "")
    if name in {"del", "moveFrom"} or name.endswith("Pr"):
        return ""
    write = _WRITERS.get(name)
    return _joined(one) if write is None else write(one)


def _part(one: "_Element", name: str) -> str:
    return _joined(child(one, name)).strip()


def _setting(one: "_Element", name: str, default: str) -> str:
    """A setting of a structure, such as the sign of a sum. Present without a value, it is empty."""
    found = child(one, f"{name_of(one)}Pr", name)
    return default if found is None else value(found) or ""


def group(text: str, atom: re.Pattern[str] = _ATOM) -> str:
    """Put brackets around a text, unless it is a single thing or has them."""
    return text if atom.fullmatch(text) or _is_bracketed(text) else f"({text})"


def _is_bracketed(text: str) -> bool:
    """Whether the first bracket closes at the end."""
    if not (text.startswith("(") and text.endswith(")")):
        return False
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _fraction(one: "_Element") -> str:
    above, below = _part(one, "num"), _part(one, "den")
    if _setting(one, "type", "bar") == "noBar":
        return f"({above} over {below})"
    return f"{group(above)}/{group(below)}"


def _scripts(one: "_Element") -> str:
    sub, sup = _part(one, "sub"), _part(one, "sup")
    return (f"_{group(sub, EXPONENT)}" if sub else "") + (f"^{group(sup, EXPONENT)}" if sup else "")


def _scripted(one: "_Element") -> str:
    return group(_part(one, "e")) + _scripts(one)


def _root(one: "_Element") -> str:
    degree, inner = _part(one, "deg"), group(_part(one, "e"))
    is_square = not degree or switch(child(one, "radPr", "degHide"))
    return f"√{inner}" if is_square else f"√[{degree}]{inner}"


def _sum(one: "_Element") -> str:
    return f"{_setting(one, 'chr', '∫')}{_scripts(one)} {_part(one, 'e')}"


def _brackets(one: "_Element") -> str:
    between = _setting(one, "sepChr", "|")
    inner = between.join(_joined(part).strip() for part in children(one, "e"))
    return _setting(one, "begChr", "(") + inner + _setting(one, "endChr", ")")


def _function(one: "_Element") -> str:
    name, inner = _part(one, "fName"), _part(one, "e")
    return name + inner if _is_bracketed(inner) else f"{name} {group(inner)}"


def _limit(sign: str) -> Callable[["_Element"], str]:
    return lambda one: f"{_part(one, 'e')}{sign}{group(_part(one, 'lim'), EXPONENT)}"


def _matrix(one: "_Element") -> str:
    rows = (", ".join(_joined(cell).strip() for cell in children(row, "e")) for row in children(one, "mr"))
    return f"[{'; '.join(rows)}]"


def _equations(one: "_Element") -> str:
    return "; ".join(_joined(part).strip() for part in children(one, "e"))


def _accent(one: "_Element") -> str:
    return group(_part(one, "e")) + _setting(one, "chr", _HAT)


_WRITERS: dict[str, Callable[["_Element"], str]] = {
    "f": _fraction,
    "sSup": _scripted,
    "sSub": _scripted,
    "sSubSup": _scripted,
    "sPre": lambda one: _scripts(one) + group(_part(one, "e")),
    "rad": _root,
    "nary": _sum,
    "d": _brackets,
    "func": _function,
    "limLow": _limit("_"),
    "limUpp": _limit("^"),
    "m": _matrix,
    "eqArr": _equations,
    "acc": _accent,
}
