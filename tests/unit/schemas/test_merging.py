"""Merge prompts: what they see, and what a merge depends on."""

import pytest

from qwenq.schemas.errors import InvalidTemplate, PromptFailed
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.templates.builtin import BuiltinTemplate, builtin_templates

SYSTEM = (Message("system", "Be brief."),)
BUILT_IN = [template for template in builtin_templates() if template.merge is not None]


def test_a_merge_prompt_sees_the_answers_their_number_and_the_columns() -> None:
    merge = MergeTemplate("{{ part_count }} for {{ audience }}: {{ parts | join(', ') }}")
    assert merge.render({"audience": "all", "parts": "a column"}, SYSTEM, ["one", "two"]) == (
        *SYSTEM,
        Message("user", "2 for all: one, two"),
    )


def test_a_missing_column_in_a_merge_prompt_fails_the_document() -> None:
    with pytest.raises(PromptFailed, match="'audience' is undefined"):
        MergeTemplate("{{ audience }} {{ parts }}").render({}, (), ["one", "two"])


def test_an_invalid_merge_prompt_is_refused_by_name() -> None:
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
def test_the_basis_of_a_merge_holds_the_columns_that_its_prompt_uses(
    source: str, columns: dict[str, object], other: dict[str, object], same: bool
) -> None:
    merge = MergeTemplate(source)
    assert (merge.basis(columns) == merge.basis(other)) is same
    assert MergeTemplate(source + "!").basis(columns) != merge.basis(columns)


def test_only_a_job_that_splits_documents_has_a_merge_prompt() -> None:
    prompt = PromptSpec(merge="{{ parts }}")
    assert MergeTemplate.of(prompt, GenerationParams()) is None
    assert MergeTemplate.of(PromptSpec(), GenerationParams(on_overflow="split")) is None
    assert MergeTemplate.of(prompt, GenerationParams(on_overflow="split")) is not None


def test_summarize_extract_and_qa_have_merge_prompts() -> None:
    assert {template.name for template in BUILT_IN} == {"extract", "qa", "summarize"}


@pytest.mark.parametrize("template", BUILT_IN, ids=lambda template: template.name)
def test_a_builtin_merge_prompt_needs_only_the_answers(template: BuiltinTemplate) -> None:
    merge = MergeTemplate(template.merge or "")
    assert merge.names_parts
    assert merge.missing_column({}) is None
    (message,) = merge.render({}, (), ["ANSWER ONE", "ANSWER TWO"])
    assert message.content.index("ANSWER ONE") < message.content.index("ANSWER TWO")
    assert "the 2 consecutive parts" in message.content
    assert "\n\n\n" not in message.content
    assert merge.names_columns
