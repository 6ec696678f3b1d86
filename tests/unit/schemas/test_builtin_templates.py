"""The built-in templates: each renders from text alone and has a description."""

import pytest

from qwenq.schemas.errors import UnknownTemplate
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.templates.builtin import BuiltinTemplate, builtin_template, builtin_templates

NAMES = ["classify", "coding", "extract", "multilingual", "qa", "reasoning", "summarize", "translate"]


def render(name: str, **columns: object) -> str:
    template = PromptTemplate.from_spec(PromptSpec(template=builtin_template(name).text))
    (message,) = template.render(columns).prompt.messages
    return message.content


def test_builtin_templates_are_sorted_by_name() -> None:
    assert [template.name for template in builtin_templates()] == NAMES


@pytest.mark.parametrize("template", builtin_templates(), ids=lambda template: template.name)
def test_a_builtin_template_has_a_description_and_needs_only_text(template: BuiltinTemplate) -> None:
    prompt = render(template.name, text="THE TEXT")
    assert prompt.count("THE TEXT") == 1
    assert "#}" not in prompt
    assert "\n\n\n" not in prompt
    assert template.description.endswith(".")
    assert template.columns.startswith("Columns: text.")
    assert "\n" not in template.description + template.columns


@pytest.mark.parametrize(
    ("name", "columns", "expected"),
    [
        ("summarize", {"sentences": 5, "audience": "children"}, "in at most 5 sentences for children."),
        ("extract", {"fields": ["total", "date"]}, "below: total, date."),
        ("extract", {"fields": "total"}, "below: total."),
        ("classify", {"labels": ["spam", "ham"]}, "The labels are: spam, ham."),
        ("classify", {}, "The labels are: positive, negative, neutral."),
        ("translate", {"language": "German", "source_language": "Thai"}, "from Thai into German."),
        ("qa", {"question": "Who pays?"}, "Question: Who pays?"),
        ("reasoning", {}, r"Please reason step by step, and put your final answer within \boxed{}."),
        ("coding", {"programming_language": "Rust"}, "below in Rust."),
        ("multilingual", {"language": "French"}, "Write your whole reply in French"),
        ("multilingual", {"task": "Name the city."}, "Name the city.\n\nx"),
    ],
)
def test_a_builtin_template_uses_its_optional_columns(
    name: str, columns: dict[str, object], expected: str
) -> None:
    assert expected in render(name, text="x", **columns)


def test_an_unknown_template_name_lists_the_known_names() -> None:
    with pytest.raises(UnknownTemplate, match=", ".join(NAMES)):
        builtin_template("sumarize")
