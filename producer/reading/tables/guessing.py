"""Guess the encoding of lines that are not UTF-8: only a sure guess counts.

A guess is sure if the text reads as a known language, or if all encodings that give sensible words give the same ones.
"""

import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from qwenq.producer.reading.tables.east_asian import is_east_asian, with_common_characters

# Encodings in use; of two that fit equally well, the first wins. Others mostly fit by chance.
IN_USE = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "iso8859_2", "koi8_r",
    "cp932", "euc_jp", "gb18030", "big5", "cp949",
)  # fmt: skip
# A megabyte has enough letters to tell code pages apart.
_GUESSED_BY_BYTES = 1 << 20


_RARE = ("mac_roman", "cp850", "cp437", "cp852", "cp866")
"""Only named in advice."""
_NAMED = 4
_BREAK = re.compile(r"[\s,;|\"]+")
_WORD_CHARS = 64
_SHOWN_CHARS = 40
_JAPANESE = range(0x3040, 0x3100)
_SCRIPTS = (
    ("latin", range(0x00C0, 0x0250)),
    ("greek", range(0x0370, 0x0400)),
    ("cyrillic", range(0x0400, 0x0530)),
    ("hangul", range(0xAC00, 0xD7A4)),
    ("han", range(0x3400, 0xA000)),
    ("kana", _JAPANESE),
    ("half", range(0xFF61, 0xFFA0)),
)
_IN_WORDS = "'-\u2019\u2010\u00b7\u2013\u2014\u2026"  # apostrophe, hyphen, middle dot, dashes, ellipsis
_ALONE = frozenset({"greek", "cyrillic", "half", "other"})
# The letters beside ASCII of languages that share code pages. A text fits if one language has all of its letters.
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "äöüßé", "àâæçéèêëîïôœùûüÿ", "áéíóúüñ", "àáâãçéêíóôõúü", "àéèìíîòóùú", "æøåéöäü", "àçéèíïóòúü",
        "ąćęłńóśźżü", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîșşțţ", "čćđšž", "öäõüšž",
        "çğıİöşüâîû", "āčēģīķļņšūž", "ąčęėįšųūž",
    )
)  # fmt: skip
_ICELANDIC, _ICELANDIC_VOWELS = frozenset("áæéíóöúýðþ"), frozenset("áæéíóú")
_WITH_VOWELS = frozenset({"greek", "cyrillic"})
_VOWELS = frozenset(
    "\u03b1\u03b5\u03b7\u03b9\u03bf\u03c5\u03c9\u0430\u0435\u0438\u043e\u0443\u044b\u044d\u044e\u044f\u0456\u0454"
)
_VOWEL_SHARE = 0.3
_WORDS_OF_A_LANGUAGE = 20
_WORDS_FOR_ODD = 50
_DECODABLE = 0.9
_MANY_LINES = 10
_LEAST_LETTERS = 3


@dataclass(frozen=True, slots=True)
class Guess:
    """The encoding, None if it is not sure, with its rivals: encodings that read the same so far.

    `readings` are the possible encodings, each with a word as it reads it.
    """

    encoding: str | None
    rivals: Sequence[str] = ()
    readings: Sequence[tuple[str, str]] = ()


def guess(lines: bytes) -> Guess:
    """Guess the encoding of lines that are not ASCII."""
    texts = {name: text for name in IN_USE if (text := _read(lines, name)) is not None}
    sensible = {
        name: text
        for name, text in texts.items()
        if not is_east_asian(name) and is_sensible(text) and _has_own_script(name, text)
    } | with_common_characters(texts)
    fitting = {name: text for name, text in sensible.items() if _fits_a_language(text)} or sensible
    if len(set(fitting.values())) == 1:
        first, *rivals = fitting
        return Guess(first, () if _has_many_words(lines) else rivals)
    known = guessed_encoding(lines)
    if known in fitting and (_has_many_words(lines) or not _is_latin(fitting[known])):
        return Guess(known)
    rare = {name: text for name in _RARE if (text := _read(lines, name)) is not None and is_sensible(text)}
    return Guess(None, readings=_readings(fitting or {n: t for n, t in rare.items() if _fits_a_language(t)}))


def _has_own_script(name: str, text: str) -> bool:
    """Whether a text in KOI8-R has Cyrillic letters. Most of its other signs draw boxes, which fit beside any word."""
    return name != "koi8_r" or any(_script(char) == "cyrillic" for char in text)


def _read(lines: bytes, name: str) -> str | None:
    """The lines that can be decoded; None if more than a few cannot."""
    read: list[str] = []
    parts = lines.split(b"\n")
    for line in parts:
        with suppress(UnicodeDecodeError):
            read.append(line.decode(name))
    # The last line may be cut.
    return (
        "\n".join(read)
        if read and len(read) >= _DECODABLE * len(parts) - 1 + (len(parts) < _MANY_LINES)
        else None
    )


def is_sensible(text: str) -> bool:
    """Whether words that are not ASCII can be words: letters of one script, no sign or capital in the middle.

    A few odd words are allowed in a long text.
    """
    words = _words(text)
    odd = sum(not _is_word(word) for word in words)
    return odd * _WORDS_FOR_ODD <= len(words) and _has_vowels(text)


def _words(text: str) -> list[str]:
    """The words that are not ASCII, in pieces: the time to look at one grows with the square of its length."""
    words = (word for word in _BREAK.split(text) if not word.isascii())
    return [
        piece
        for word in words
        for start in range(0, len(word), _WORD_CHARS)
        if not (piece := word[start : start + _WORD_CHARS]).isascii()
    ]


def _has_vowels(text: str) -> bool:
    """Whether Greek or Cyrillic letters have the share of vowels that words have; read as each other, they lack it."""
    letters = [char for char in unicodedata.normalize("NFD", text.lower()) if _script(char) in _WITH_VOWELS]
    return sum(char in _VOWELS for char in letters) >= _VOWEL_SHARE * len(letters)


def _is_word(word: str) -> bool:
    scripts: set[str] = set()
    before = ""
    for place, char in enumerate(word):
        if not char.isascii():
            script = _script(char)
            if script is None and (not char.isprintable() or _between_letters(word, place)):
                return False
            if script is not None:
                scripts.add(script)
        elif char.isalpha():
            scripts.add("latin")
        if char.isupper() and before.islower() and not (char + before).isascii():
            return False
        before = char
    if (
        scripts == {"latin"}
        and len(word) >= _LEAST_LETTERS
        and not any("a" <= char.lower() <= "z" for char in word)
    ):
        return False
    # Latin letters may stand beside the scripts of East Asia.
    return len(scripts) <= 1 or not scripts & _ALONE


def _fits_a_language(text: str) -> bool:
    """Whether one language has all letters of a text, as far as they are Latin and not ASCII."""
    letters = frozenset(char for char in text.lower() if char > "\x7f" and _script(char) == "latin")
    if any(letters <= alphabet for alphabet in _ALPHABETS):
        return True
    return letters <= _ICELANDIC and bool(letters & _ICELANDIC_VOWELS)


def _has_many_words(lines: bytes) -> bool:
    return len({word for word in lines.split() if not word.isascii()}) >= _WORDS_OF_A_LANGUAGE


def _is_latin(text: str) -> bool:
    return any(_script(char) == "latin" for char in text if char > "\x7f")


def _between_letters(word: str, place: int) -> bool:
    if word[place] in _IN_WORDS:
        return False
    return any(map(str.isalpha, word[:place])) and any(map(str.isalpha, word[place + 1 :]))


def _script(char: str) -> str | None:
    code = ord(char)
    if not char.isalpha() or code in {0xAA, 0xBA}:
        return None
    return next((name for name, codes in _SCRIPTS if code in codes), "other")


def _readings(texts: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Each encoding with the first word that it reads in its own way."""
    shown: dict[str, str] = {}
    for name, text in texts.items():
        word = next(iter(_words(text)), "")[:_SHOWN_CHARS]
        if word not in shown.values():
            shown[name] = word
    return tuple(shown.items())[:_NAMED]


def guessed_encoding(data: bytes) -> str | None:
    """The likeliest encoding in which this reads as a language; None if none does, as with a few words."""
    from charset_normalizer import from_bytes

    fitting = [
        match
        for match in from_bytes(data[:_GUESSED_BY_BYTES], cp_isolation=list(IN_USE))
        if match.coherence > 0
    ]
    best = min(fitting, key=lambda match: (match.chaos, IN_USE.index(match.encoding)), default=None)
    return best.encoding if best else None
