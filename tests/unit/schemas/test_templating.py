"""Prompts: what the model sees for each kind of row, with and without a template."""

import json
import time
from typing import Any

import pytest

from qwenq.schemas.errors import EmptyDocument, EmptyPrompt, InvalidRow, InvalidTemplate, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.prompts.templating import PromptTemplate, RenderedDocument

USER = {"role": "user", "content": "Hello"}
SYSTEM = {"role": "system", "content": "Own rule"}


def render(row: Any, **spec: Any) -> RenderedDocument:
    return PromptTemplate.from_spec(PromptSpec(**spec)).render(json.dumps(row))


def said(messages: tuple[Message, ...]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def test_the_text_column_is_the_user_message() -> None:
    rendered = render({"text": "Hello", "n": 1})
    assert said(rendered.prompt.messages) == [("user", "Hello")]
    assert rendered.prompt.document_chars == 5
    assert said(rendered.prompt.shortened(2)) == [("user", "He")]
    assert rendered.overrides == {}


def test_the_system_message_comes_first() -> None:
    prompt = render({"body": "Hello"}, system="Be brief", text_column="body").prompt
    assert said(prompt.messages) == [("system", "Be brief"), ("user", "Hello")]
    assert said(prompt.shortened(0)) == [("system", "Be brief"), ("user", "")]


def test_a_prompt_is_rendered_from_a_mapping() -> None:
    rendered = PromptTemplate.from_spec(PromptSpec()).render({"text": "Hello"})
    assert said(rendered.prompt.messages) == [("user", "Hello")]


def test_a_template_sees_all_columns_and_is_cut_inside_the_document() -> None:
    prompt = render({"text": "abcdef", "to": "French"}, template="Into {{ to }}: {{ text }}!").prompt
    assert said(prompt.messages) == [("user", "Into French: abcdef!")]
    assert prompt.document_chars == 6
    assert said(prompt.shortened(2)) == [("user", "Into French: ab!")]


def test_without_a_text_column_the_longest_column_of_the_template_is_cut() -> None:
    row = {"title": "T", "body": "a long body", "unused": "x" * 100, "n": 5}
    prompt = render(row, template="{{ title }} {{ n }}: {{ body }}").prompt
    assert prompt.document_chars == 11
    assert said(prompt.shortened(6)) == [("user", "T 5: a long")]


def test_a_template_without_text_cannot_be_cut() -> None:
    prompt = render({"n": 5}, template="{{ n }}").prompt
    assert prompt.document_chars == 0
    assert prompt.shortened(0) == prompt.messages


def test_a_rows_messages_are_used_unchanged() -> None:
    row = {"messages": [USER, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Bye now"}]}
    prompt = render(row, system="Be brief").prompt
    assert said(prompt.messages)[0] == ("system", "Be brief")
    assert said(prompt.messages)[1:] == [("user", "Hello"), ("assistant", "Hi"), ("user", "Bye now")]
    assert prompt.document_chars == 7
    assert said(prompt.shortened(3))[1:] == [("user", "Hello"), ("assistant", "Hi"), ("user", "Bye")]


def test_a_row_with_a_system_message_keeps_its_own() -> None:
    assert said(render({"messages": [SYSTEM, USER]}, system="Be brief").prompt.messages) == [
        ("system", "Own rule"),
        ("user", "Hello"),
    ]


def test_a_batch_line_gives_messages_and_parameters() -> None:
    body = {"model": "other", "messages": [USER], "max_tokens": 9, "temperature": 0.5, "seed": None}
    rendered = render({"custom_id": "a", "body": body})
    assert said(rendered.prompt.messages) == [("user", "Hello")]
    assert rendered.overrides == {"max_new_tokens": 9, "temperature": 0.5}


def test_a_template_reads_a_conversation_as_messages_and_text() -> None:
    row = {"custom_id": "a", "body": {"messages": [SYSTEM, USER], "top_p": 0.5}}
    template = "{{ custom_id }} {{ messages | length }} {{ messages[-1].content }} {{ text }}"
    rendered = render(row, template=template, system="Be brief")
    assert said(rendered.prompt.messages) == [("system", "Own rule"), ("user", "a 2 Hello Hello")]
    assert said(rendered.prompt.shortened(1))[1] == ("user", "a 2 H H")
    assert rendered.overrides == {"top_p": 0.5}


@pytest.mark.parametrize(
    ("row", "spec"),
    [
        ({"text": " \n"}, {}),
        ({"text": ""}, {"system": "Be brief"}),
        ({"text": ""}, {"template": " {{ text }} "}),
        ({"messages": [{"role": "user", "content": ""}]}, {}),
    ],
)
def test_a_prompt_without_text_is_refused_as_empty(row: Any, spec: dict[str, Any]) -> None:
    with pytest.raises((EmptyPrompt, EmptyDocument)):
        render(row, **spec)


@pytest.mark.parametrize("row", [{}, {"text": 5}, [], "x"])
def test_a_document_without_text_fails(row: Any) -> None:
    with pytest.raises(PromptFailed):
        render(row)


def test_an_invalid_conversation_fails_its_document() -> None:
    with pytest.raises(InvalidRow):
        render({"messages": [{"role": "user", "content": None}]})


def test_an_invalid_template_is_refused_when_compiled() -> None:
    with pytest.raises(InvalidTemplate):
        PromptTemplate.from_spec(PromptSpec(template="{{"))


def test_missing_column_gives_the_name_that_the_document_lacks() -> None:
    template = PromptTemplate.from_spec(PromptSpec(template="{{ text }}{{ titel }}"))
    assert template.missing_column('{"text": "a", "title": "b"}') == "titel"
    assert template.missing_column('{"text": "a", "titel": "b"}') is None
    assert PromptTemplate.from_spec(PromptSpec()).missing_column("{}") is None


def test_rendering_without_a_template_is_quick() -> None:
    """A prompt without a template takes less time than parsing its document ten times."""
    content = json.dumps({"id": "a", "text": "some words " * 20})
    template = PromptTemplate.from_spec(PromptSpec())

    def seconds(work: Any) -> float:
        best = 9.0
        for _ in range(5):
            start = time.thread_time()  # what a busy machine does in between does not count
            for _ in range(2_000):
                work(content)
            best = min(best, time.thread_time() - start)
        return best

    assert seconds(template.render) < 10 * seconds(json.loads)
