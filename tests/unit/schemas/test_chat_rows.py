"""Conversations in rows: which are accepted, and their messages."""

from typing import Any

import pytest

from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.prompts.chat_rows import chat_row, conversation
from qwenq.schemas.prompts.messages import Message

USER = {"role": "user", "content": "Hello"}


def test_text_parts_are_joined() -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    assert conversation([{"role": "user", "content": parts}]) == (Message("user", "one \ntwo"),)


def test_the_role_developer_is_read_as_system() -> None:
    assert conversation([{"role": "developer", "content": "Rule"}, USER])[0] == Message("system", "Rule")


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        (None, "missing or not an array"),
        ("text", "missing or not an array"),
        ([], "messages is empty"),
        ([{"role": "assistant", "content": "x"}], "no message from the user"),
        (["text"], "messages[0] is not an object"),
        ([USER, {"content": "x"}], "messages[1] has no role"),
        ([{"role": ["user"], "content": "x"}], "messages[0].role is no text"),
        ([{"role": "tool", "content": "x"}], "messages[0].role is 'tool', not"),
        ([{"role": "user"}], "messages[0].content is not text"),
        ([{"role": "user", "content": 5}], "messages[0].content is not text"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "not text (image_url)"),
        ([{"role": "user", "content": [5]}], "not text (nameless)"),
        ([{"role": "user", "content": [{"type": "text"}]}], "a text part without text"),
        ([USER, {"role": "assistant", "content": "", "tool_calls": [{}]}], "messages[1].tool_calls"),
    ],
)
def test_an_invalid_conversation_is_refused_with_its_place(messages: Any, reason: str) -> None:
    with pytest.raises(InvalidRow) as caught:
        conversation(messages)
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    "row",
    [{}, {"text": "x"}, {"messages": 5, "text": "x"}, {"body": "x"}, {"body": {"a": 1}}, {"body": None}],
)
def test_a_row_of_plain_columns_is_not_a_conversation(row: dict[str, Any]) -> None:
    assert chat_row(row) is None


def test_overrides_map_the_rows_names_to_ours() -> None:
    body = {"messages": [USER], "max_tokens": 5, "max_completion_tokens": 7, "enable_thinking": True}
    chat = chat_row({"custom_id": "a", "body": body})
    assert chat is not None
    assert chat.overrides == {"max_new_tokens": 7, "thinking": True}
    assert chat.names == {"max_new_tokens": "max_completion_tokens", "thinking": "enable_thinking"}


def test_penalties_and_thinking_budget_have_the_names_of_servers() -> None:
    asked = {"min_p": 0.1, "repetition_penalty": 1.2, "presence_penalty": 1, "frequency_penalty": -1}
    arguments = {"enable_thinking": True, "thinking_budget": 50}
    body = {"messages": [USER], **asked, "chat_template_kwargs": arguments}
    chat = chat_row({"custom_id": "a", "body": body})
    assert chat is not None
    assert chat.overrides == {**asked, "thinking": True, "thinking_budget": 50}
