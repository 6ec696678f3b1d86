"""A preview: the first prompts as the model would see them, and counts of the whole input."""

import io
from typing import Any

import pytest

from qwenq.producer.preview import Preview, preview
from qwenq.producer.reading import Format
from qwenq.schemas.errors import NoGoodRow
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.prompts.messages import Message


def look(data: bytes, shown: int = 3, **prompt: Any) -> Preview:
    spec = JobSpec(model="m", prompt=PromptSpec(**prompt), sources=("-",))
    return preview(spec, Format.JSONL, io.BytesIO(data), shown)


def test_a_preview_has_the_first_prompts_and_counts_all_rows() -> None:
    lines = b"".join(b'{"id":%d,"text":"number %d"}\n' % (n, n) for n in range(10, 20))
    seen = look(b"bad\n" + lines + b"[]\n", shown=2, template="Say {{ text }}", system="Be brief")
    assert [(shown.custom_id, shown.line) for shown in seen.prompts] == [("10", 2), ("11", 3)]
    assert seen.prompts[0].messages == (Message("system", "Be brief"), Message("user", "Say number 10"))
    assert (seen.documents, seen.rejected) == (10, 2)
    assert [row.line for row in seen.bad_rows] == [1, 12]
    assert seen.about_prompt_tokens == 10 * (28 // 4 + 22 // 4)


def test_a_previewed_document_that_would_fail_says_why() -> None:
    (empty,) = look(b'{"text":""}').prompts
    assert empty.messages == ()
    assert empty.failure is not None
    assert empty.failure.code == "empty_prompt"


def test_a_preview_may_show_no_prompts() -> None:
    assert look(b'{"text":"x"}', shown=0).prompts == ()


def test_a_preview_of_bad_rows_alone_is_refused() -> None:
    with pytest.raises(NoGoodRow, match="line 1: broken JSON"):
        look(b"bad\n" * 2_000)


def test_reasons_that_differ_only_in_numbers_and_names_are_counted_together() -> None:
    lines = b"".join(b'{"id":"%d","text":%d}\n' % (n, n) for n in range(1_500)) + b'{"text":"good"}\n' * 2
    seen = look(lines + b'{"id":"a","text":" "}\n' * 3)
    assert (seen.documents, seen.rejected, seen.failing) == (3, 1_502, 1)
    counts = sorted((one.code, one.documents) for one in seen.reasons)
    assert counts == [("empty_prompt", 1), ("invalid_row", 2), ("invalid_row", 1_500)]


def test_a_reason_is_shown_with_its_first_line() -> None:
    lines = b"".join(b'{"id":"%d","text":%d}\n' % (n, n) for n in range(1_500))
    seen = look(b'{"id":"a","text":"good"}\n' + lines + b'{"id":"a","text":"again"}\n')
    shown = [(one.documents, one.line, one.reason) for one in seen.reasons]
    assert shown[0][:2] == (1_500, 2)
    assert shown[0][2].startswith("wrong type: the column 'text' is a number;")
    assert shown[1][:2] == (1, 1_502)
    assert shown[1][2].startswith("the id 'a' was used before, on line 1;")


def test_an_id_that_repeats_on_its_own_line_is_a_bad_row() -> None:
    seen = look(b'{"id":"a","text":"x"}{"id":"a","text":"y"}\n')
    assert (seen.documents, seen.rejected) == (1, 1)
