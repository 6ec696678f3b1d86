"""Control characters are made visible for people, and stay what they are for programs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.schemas.log.visible import visible, visible_json, visible_line

OBEYED = [*map(chr, range(32)), "\x7f", *map(chr, range(0x80, 0xA0)), *map(chr, range(0x202A, 0x202F))]
OBEYED += [*map(chr, range(0x2066, 0x206A)), "\u061c", "\u200e", "\u200f", "\u2028", "\u2029"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202etxt.exe", "a\\u202etxt.exe"),
        ("\x7f", "␡"),
        ("\udc80", "\\udc80"),
        ("Ünïcode, 漢字, עברית, 😀", "Ünïcode, 漢字, עברית, 😀"),
    ],
)
def test_a_control_character_is_shown_as_a_sign(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("character", OBEYED, ids=ascii)
def test_no_character_that_a_terminal_obeys_is_left_in_a_line(character: str) -> None:
    assert character not in visible_line(f"a{character}b") or character == "\t"
    assert character not in visible(f"a{character}b") or character in "\n\t"


def test_a_line_stays_one_line() -> None:
    assert visible_line("one\nqwenq: two\n") == "one␊qwenq: two"


@given(st.text())
def test_what_is_shown_of_json_is_the_same_json(text: str) -> None:
    shown = visible_json(json.dumps({"text": text}, ensure_ascii=False))
    assert json.loads(shown) == {"text": text}
    assert not set(shown) & set(OBEYED)
