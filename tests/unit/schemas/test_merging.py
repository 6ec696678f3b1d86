"""Merge prompts: they see the answers and the document's columns, and are told apart by what they look at."""

import pytest

from qwenq.schemas.errors import InvalidTemplate, PromptFailed
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.builtin import BuiltinTemplate, builtin_templates
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.messages import Message

SYSTEM = (Message("system", "Be brief."),)
BUILT_IN = [template for template in builtin_templates() if template.merge is not None]


def test_it_sees_the_answers_in_order_their_number_and_the_columns() -> None:
    merge = MergeTemplate("{{ part_count }} for {{ audience }}: {{ parts | join(', ') }}")
    assert merge.render({"audience": "all", "parts": "a column"}, SYSTEM, ["one", "two"]) == (
        *SYSTEM,
        Message("user", "2 for all: one, two"),
    )


def test_a_column_that_is_missing_fails_the_document() -> None:
    with pytest.raises(PromptFailed, match="'audience' is undefined"):
        MergeTemplate("{{ audience }} {{ parts }}").render({}, (), ["one", "two"])


def test_what_is_no_template_is_refused_as_the_merge_prompt() -> None:
    with pytest.raises(InvalidTemplate, match="in the merge prompt: "):
        MergeTemplate("{{ parts")


@pytest.mark.parametrize(
    ("source", "columns", "other", "same"),
    [
        ("{{ parts }}", {"id": 1}, {"id": 2}, True),
        ("{{ question }} {{ parts }}", {"question": "a", "id": 1}, {"question": "a", "id": 2}, True),
        ("{{ question }} {{ parts }}", {"question": "a"}, {"question": "b"}, False),
        ("{{ row['question'] }} {{ parts }}", {"question": "a"}, {"question": "b"}, False),
        ("{{ question }} {{ parts }}", {"question": "half \ud83d"}, {"question": "half \ud83e"}, False),
    ],
)
def test_it_is_told_apart_by_the_columns_that_it_looks_at(
    source: str, columns: dict[str, object], other: dict[str, object], same: bool
) -> None:
    merge = MergeTemplate(source)
    assert (merge.basis(columns) == merge.basis(other)) is same
    assert MergeTemplate(source + "!").basis(columns) != merge.basis(columns)


def test_only_a_job_that_splits_has_one() -> None:
    prompt = PromptSpec(merge="{{ parts }}")
    assert MergeTemplate.of(prompt, GenerationParams()) is None
    assert MergeTemplate.of(PromptSpec(), GenerationParams(on_overflow="split")) is None
    assert MergeTemplate.of(prompt, GenerationParams(on_overflow="split")) is not None


def test_summarize_extract_and_qa_bring_their_own() -> None:
    assert {template.name for template in BUILT_IN} == {"extract", "qa", "summarize"}


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_what_comes_with_qwenq_needs_no_more_than_the_answers(template: BuiltinTemplate) -> None:
    merge = MergeTemplate(template.merge or "")
    assert merge.names_parts
    assert merge.missing_column({}) is None
    (message,) = merge.render({}, (), ["ANSWER ONE", "ANSWER TWO"])
    assert message.content.index("ANSWER ONE") < message.content.index("ANSWER TWO")
    assert "the 2 consecutive parts" in message.content
    assert "\n\n\n" not in message.content
    assert merge.names_columns
