"""Equations in MathML on one line, as those of Word documents: a/b, 10^-6, √(x+1)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from qwenq.producer.reading.documents.word.equations import EXPONENT, UNSEEN, group

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_MOST_DEPTH = 100
"""Equations within each other that are deeper give their signs side by side."""
_LARGE_SIGNS = frozenset("∑∏∐∫∬∭∮")
_NOT_SHOWN = frozenset({"annotation", "annotation-xml", "mphantom", "none", "mprescripts"})


def linear(equation: "HtmlElement") -> str:
    """The text of an equation (`<math>`)."""
    return _joined(equation, 0).strip()


def _joined(parent: "HtmlElement", depth: int) -> str:
    """The pieces side by side. A number beside a fraction keeps its distance: 2 1/2 is not 21/2."""
    text, after_fraction = "", False
    for one in parent:
        piece = _piece(one, depth + 1)
        is_fraction = _name(one) == "mfrac"
        if (is_fraction or after_fraction) and text[-1:].isalnum() and piece[:1].isalnum():
            text += " "
        text += piece
        after_fraction = is_fraction and bool(piece)
    return text if len(parent) else _own(parent)


def _own(one: "HtmlElement") -> str:
    return UNSEEN.sub("", " ".join((one.text or "").split()))


def _name(one: "HtmlElement") -> str:
    return str(one.tag).rpartition(":")[2]


def _piece(one: "HtmlElement", depth: int) -> str:
    name = _name(one)
    if name in _NOT_SHOWN:
        return ""
    if depth > _MOST_DEPTH:
        return _own_of_all(one)
    if not len(one):
        return " " if name == "mspace" else _own(one)
    write = _WRITERS.get(name)
    if write is None:
        return _joined(one, depth)
    return write([_piece(part, depth + 1).strip() for part in one])


def _own_of_all(one: "HtmlElement") -> str:
    return UNSEEN.sub("", "".join("".join(one.itertext()).split()))


def _fraction(parts: list[str]) -> str:
    return "/".join(group(part) for part in parts)


def _scripted(*signs: str) -> Callable[[list[str]], str]:
    def write(parts: list[str]) -> str:
        scripts = (
            f"{sign}{group(part, EXPONENT)}" for sign, part in zip(signs, parts[1:], strict=False) if part
        )
        written = group(parts[0]) + "".join(scripts)
        # What is added up begins behind the sign of a sum.
        return f"{written} " if parts[0] in _LARGE_SIGNS else written

    return write


def _over(parts: list[str]) -> str:
    """An accent stands behind its letter, and else a limit above."""
    is_accent = len(parts) > 1 and len(parts[1]) == 1 and not parts[1].isalnum()
    return group(parts[0]) + parts[1] if is_accent else _scripted("^")(parts)


def _root(parts: list[str]) -> str:
    return f"√[{parts[1]}]{group(parts[0])}" if len(parts) > 1 else f"√{group(parts[0])}"


_WRITERS: dict[str, Callable[[list[str]], str]] = {
    "mfrac": _fraction,
    "msup": _scripted("^"),
    "msub": _scripted("_"),
    "msubsup": _scripted("_", "^"),
    "mover": _over,
    "munder": _scripted("_"),
    "munderover": _scripted("_", "^"),
    "msqrt": lambda parts: f"√{group(''.join(parts))}",
    "mroot": _root,
    "mtable": lambda rows: f"[{'; '.join(rows)}]",
    "mtr": ", ".join,
    "mfenced": lambda parts: f"({', '.join(parts)})",
    "semantics": lambda parts: parts[0],
    "maction": lambda parts: parts[0],
}
