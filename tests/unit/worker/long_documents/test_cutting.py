"""Cutting loses nothing, every part fits, and cuts fall where a reader would make them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.worker.long_documents.cutting import Span, cut
from tests.unit.worker.long_documents.measuring import letters_of, words_of

PARAGRAPH = "Dr. Smith paid 3.5 million to Acme Inc. on Monday. The rest is due in May. Nobody objected."
CHINESE = "今天天气很好。我们去公园吧\uff01你觉得呢\uff1f"
TEXTS = st.text(
    st.sampled_from("ab. \n!é中。👨‍👩‍👧\u0301\u200d") | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=300,
)


def said(text: str, parts: list[Span] | None) -> list[str]:
    assert parts is not None
    return [text[part.first : part.last] for part in parts]


@given(TEXTS, st.integers(3, 40))
def test_parts_join_to_the_document_and_each_fits(text: str, room: int) -> None:
    tokens_of = letters_of(text, frame=2)
    parts = cut(text, tokens_of, room)
    assert "".join(said(text, parts)) == text
    assert parts is not None
    assert all(tokens_of(*part) <= room for part in parts)
    assert all(part.first < part.last for part in parts)


@given(TEXTS, st.integers(3, 40))
def test_parts_fit_when_tokens_are_not_letters(text: str, room: int) -> None:
    def tokens_of(first: int, last: int) -> int:
        return 2 + len(text[first:last].encode()) // 4

    parts = cut(text, tokens_of, room)
    assert "".join(said(text, parts)) == text
    assert parts is not None
    assert all(tokens_of(*part) <= room for part in parts)


def test_a_document_that_fits_is_one_part() -> None:
    assert cut("two words", words_of("two words"), 2) == [Span(0, 9)]


def test_paragraphs_that_fit_stay_whole() -> None:
    text = "\n\n".join([PARAGRAPH] * 12)
    parts = said(text, cut(text, words_of(text), 60))
    assert len(parts) > 3
    assert all(part.strip().startswith("Dr. Smith") and part.strip().endswith("objected.") for part in parts)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        (" ".join([PARAGRAPH] * 12), (". ", ".")),
        (CHINESE * 40, ("。", "\uff01", "\uff1f")),
    ],
    ids=["english", "chinese"],
)
def test_sentences_of_a_long_paragraph_stay_whole(text: str, ends: tuple[str, ...]) -> None:
    parts = said(text, cut(text, letters_of(text), 200))
    assert len(parts) > 3
    assert all(part.endswith(ends) for part in parts)


def test_words_of_a_long_sentence_stay_whole() -> None:
    text = "word " * 100
    parts = said(text, cut(text, letters_of(text), 42))
    assert {word for part in parts for word in part.split()} == {"word"}


def test_parts_are_about_even() -> None:
    text = "\n\n".join([PARAGRAPH] * 40)
    tokens_of = words_of(text)
    parts = cut(text, tokens_of, 250)
    assert parts is not None
    filled = [tokens_of(*part) for part in parts]
    assert min(filled) > max(filled) / 2


@pytest.mark.parametrize("frame", [10, 11, 12])
def test_without_room_for_a_single_character_nothing_is_cut(frame: int) -> None:
    text = "x" * 20
    assert cut(text, letters_of(text, frame), 10) is None
