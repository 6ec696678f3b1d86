"""Superscripts and subscripts in plain text: 10⁶ and CO₂ with the signs that Unicode has, else x^(n+1) and T_max."""

import re

from qwenq.producer.reading.documents.word.equations import EXPONENT, group

_RAISED = str.maketrans("0123456789+-\u2212=()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾")
_LOWERED = str.maketrans("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_NUMBERS = re.compile(r"(?=.*\d)[\d+\-\u2212=(),;:*\u2013 ]+")
_FORMULA = re.compile(r"(?=.*\w)[\w+\-\u2212*/().,=|'\u2032]{1,24}")
# Endings that are written small: they join their word or number, as in 5th and Mme.
_ENDINGS = frozenset(
    {
        "st", "nd", "rd", "th", "e", "er", "re", "ere", "ère", "eme", "ème", "es", "nde", "d", "de", "o", "a",
        "os", "as", "ro", "ra", "me", "mes", "lle", "lles", "gr", "ste", "sts", "r", "c", "ter", "bis", "te", "ch",
        "mr", "rs", "tm", "sm",
    }
)  # fmt: skip
SUPER = "super"
SUB = "sub"


def in_line(text: str, kind: str, before: str) -> str:
    """A superscript (`SUPER`) or a subscript (`SUB`) as plain text, behind the text `before`.

    What could be taken for more digits of a number, or more letters of a name, is told apart from these.
    """
    if _NUMBERS.fullmatch(text):
        return text.translate(_RAISED if kind == SUPER else _LOWERED)
    stands_alone = not before[-1:].strip() or before[-1:] in "/([{"
    if stands_alone or not _FORMULA.fullmatch(text) or (kind == SUPER and text.lower() in _ENDINGS):
        return text
    return ("^" if kind == SUPER else "_") + group(text, EXPONENT)
