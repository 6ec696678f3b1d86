"""A stored row as readable text."""

import pytest

from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.views.job_pages import CutText
from qwenq.wording.document_text import SHOWN_CHARACTERS, SHOWN_LINES, beginning, row_in_words, shortened

PROMPT = PromptSpec()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"id": "a", "text": "plain\\nlines"}', "plain\nlines"),
        ('{"text": "no id"}', "no id"),
        ('{"id": "a", "title": "T", "text": "B"}', "title: T\ntext: B"),
        ('{"text": 7}', "text: 7"),
        ('{"messages": [{"role": "user"}]}', 'messages: [\n  {\n    "role": "user"\n  }\n]'),
        ("not, JSON", "not, JSON"),
        ("[1]", "[1]"),
    ],
)
def test_a_row_reads_as_its_text_or_as_its_named_columns(content: str, words: str) -> None:
    assert row_in_words(content, PROMPT) == words


def test_a_row_reads_as_the_text_column_of_its_job() -> None:
    prompt = PromptSpec(text_column="body", id_column="key")
    assert row_in_words('{"key": "a", "body": "read me"}', prompt) == "read me"


def test_a_short_row_is_not_cut() -> None:
    content = '{"text": "short"}'
    assert shortened(CutText(content, len(content)), PROMPT) == CutText("short", 5)


def test_a_long_text_is_cut_and_keeps_its_full_length() -> None:
    content = '{"text": "' + "a" * 1_000 + '"}'
    shown = shortened(CutText(content, len(content)), PROMPT)
    assert shown == CutText("a" * SHOWN_CHARACTERS, 1_000)
    assert not shown.is_whole


def test_a_text_of_many_short_lines_is_cut_by_lines() -> None:
    text = "a line\r\n" * 40
    assert beginning(CutText(text, len(text))) == CutText("a line\r\n" * SHOWN_LINES, len(text))
    few = "one\n\nthree\n"
    assert beginning(CutText(few, len(few))) == CutText(few, len(few))


def test_a_row_that_was_cut_already_is_shown_as_stored() -> None:
    beginning = '{"text": "' + "a" * 1_000
    assert shortened(CutText(beginning, 10**6), PROMPT) == CutText(beginning[:SHOWN_CHARACTERS], 10**6)
