"""Numbers of lists in the formats of Word: 1, a, IV, first."""

from collections.abc import Callable

_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_MOST_ROMAN = 32_767
_MOST_REPEATS = 30
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CYRILLIC = "абвгдежзиклмнопрстуфхцчшщыэюя"
_IDEOGRAPHS = "〇一二三四五六七八九"
_CIRCLED = 20
_HUNDRED = 100


def shown_number(number: int, kind: str, pattern: str | None = None) -> str:
    """A number in a format of Word (`w:numFmt`); `pattern` is that of a custom one. Unknown formats are decimal."""
    if kind == "custom" and pattern:
        return str(number).zfill(len(pattern.split(",", 1)[0].strip()))
    write = _FORMATS.get(kind)
    return str(number) if write is None else write(number)


def _letters(alphabet: str) -> Callable[[int], str]:
    """After z follows aa, then bb."""

    def write(number: int) -> str:
        repeats, place = divmod(number - 1, len(alphabet))
        return alphabet[place] * (repeats + 1) if 0 <= repeats < _MOST_REPEATS else str(number)

    return write


def _roman(number: int) -> str:
    if not 0 < number <= _MOST_ROMAN:
        return str(number)
    written = ""
    for worth, sign in _ROMAN:
        count, number = divmod(number, worth)
        written += sign * count
    return written


def _ordinal(number: int) -> str:
    teens = 10 < number % _HUNDRED < 20  # noqa: PLR2004 - 11th, 12th, 13th
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _words(number: int) -> str:
    if not 0 <= number < _HUNDRED:
        return str(number)
    if number < len(_ONES):
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def _ordinal_words(number: int) -> str:
    before, dash, last = _words(number).rpartition("-")
    if last.isdigit():
        return _ordinal(number)
    ordinal = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return before + dash + ordinal


def _circled(number: int) -> str:
    return chr(0x2460 + number - 1) if 0 < number <= _CIRCLED else str(number)


def _ideographs(number: int) -> str:
    """十, 十一, 二十: numbers below a hundred as they are counted."""
    if not 0 < number < _HUNDRED:
        return "".join(_IDEOGRAPHS[int(digit)] for digit in str(abs(number)))
    tens, ones = divmod(number, 10)
    begun = ("" if tens <= 1 else _IDEOGRAPHS[tens]) + ("十" if tens else "")
    return begun + (_IDEOGRAPHS[ones] if ones else "")


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimalZero": lambda number: f"{number:02}",
    "upperRoman": _roman,
    "lowerRoman": lambda number: _roman(number).lower(),
    "upperLetter": _letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "lowerLetter": _letters("abcdefghijklmnopqrstuvwxyz"),
    "russianLower": _letters(_CYRILLIC),
    "russianUpper": _letters(_CYRILLIC.upper()),
    "ordinal": _ordinal,
    "cardinalText": lambda number: _words(number).capitalize(),
    "ordinalText": lambda number: _ordinal_words(number).capitalize(),
    "hex": lambda number: f"{number:X}",
    "numberInDash": lambda number: f"- {number} -",
    "decimalEnclosedParen": lambda number: f"({number})",
    "decimalEnclosedCircle": _circled,
    "decimalEnclosedCircleChinese": _circled,
    "chineseCounting": _ideographs,
    "chineseCountingThousand": _ideographs,
    "japaneseCounting": _ideographs,
    "taiwaneseCountingThousand": _ideographs,
    "ideographDigital": lambda number: "".join(_IDEOGRAPHS[int(digit)] for digit in str(abs(number))),
    "none": lambda _: "",
    "bullet": lambda _: "",
}
