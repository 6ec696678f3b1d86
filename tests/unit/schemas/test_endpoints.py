"""Requests of OpenAI's two endpoints that are no chats: their conversations and parameters, and what is refused."""

from typing import Any

import pytest

from qwenq.schemas.errors import InvalidRow
from qwenq.schemas.prompts.chat_rows import ChatRow, chat_row
from qwenq.schemas.prompts.messages import BARE, Message

COMPLETIONS, RESPONSES = "/v1/completions", "/v1/responses"
FORM = {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}


def asked(url: str, **body: Any) -> ChatRow:
    chat = chat_row({"custom_id": "a", "method": "POST", "url": url, "body": {"model": "m", **body}})
    assert chat is not None
    return chat


@pytest.mark.parametrize("prompt", ["Once upon", ["Once upon"]])
def test_a_completions_prompt_is_a_bare_text_of_sixteen_tokens_at_most(prompt: Any) -> None:
    chat = asked(COMPLETIONS, prompt=prompt, echo=False, n=1, best_of=1)
    assert (chat.messages, chat.is_bare) == ((Message(BARE, "Once upon"),), True)
    assert chat.overrides == {"max_new_tokens": 16}
    assert asked(COMPLETIONS, prompt=prompt, max_tokens=5).overrides == {"max_new_tokens": 5}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"input": "Hi"}, ["user: Hi"]),
        ({"input": "Hi", "instructions": "Be brief"}, ["system: Be brief", "user: Hi"]),
        ({"input": [{"role": "user", "content": "Hi"}]}, ["user: Hi"]),
        (
            {
                "input": [
                    {"type": "message", "role": "developer", "content": "Be brief"},
                    {"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
                    {"id": "rs_1", "type": "reasoning", "summary": []},
                    {
                        "id": "msg_1",
                        "type": "message",
                        "role": "assistant",
                        "status": "completed",
                        "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
                    },
                    {"role": "user", "content": "Again"},
                ]
            },
            ["system: Be brief", "user: Hi", "assistant: Hello", "user: Again"],
        ),
    ],
)
def test_the_input_of_a_response_is_a_conversation(body: dict[str, Any], said: list[str]) -> None:
    chat = asked(RESPONSES, **body)
    assert [f"{one.role}: {one.content}" for one in chat.messages] == said


def test_parameters_of_a_response_have_its_names() -> None:
    chat = asked(
        RESPONSES, input="Hi", max_output_tokens=9, temperature=0.5, reasoning={"effort": "none"},
        text={"format": FORM, "verbosity": "medium"}, truncation="disabled", store=True, include=[], tools=[],
        max_tool_calls=3, background=False,
    )  # fmt: skip
    form = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}
    assert chat.overrides == {
        "max_new_tokens": 9,
        "temperature": 0.5,
        "thinking": False,
        "response_format": form,
    }
    assert (chat.names["max_new_tokens"], chat.names["response_format"]) == (
        "max_output_tokens",
        "text.format",
    )


@pytest.mark.parametrize(
    ("url", "body", "reason"),
    [
        (COMPLETIONS, {}, "prompt is missing"),
        (COMPLETIONS, {"prompt": [1, 2]}, "prompt is missing or not text"),
        (COMPLETIONS, {"prompt": ["a", "b"]}, "a line for each"),
        (COMPLETIONS, {"prompt": "a", "suffix": "b"}, "body.suffix"),
        (COMPLETIONS, {"prompt": "a", "echo": True}, "body.echo"),
        (COMPLETIONS, {"prompt": "a", "logprobs": 0}, "body.logprobs"),
        (COMPLETIONS, {"prompt": "a", "enable_thinking": True}, "body.enable_thinking"),
        (RESPONSES, {}, "input is missing"),
        (RESPONSES, {"input": []}, "input is empty"),
        (RESPONSES, {"input": "a", "instructions": ["b"]}, "instructions is not text"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        (RESPONSES, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content"),
        (RESPONSES, {"input": "a", "previous_response_id": "resp_1"}, "body.previous_response_id"),
        (RESPONSES, {"input": "a", "truncation": "auto"}, "body.truncation"),
        (RESPONSES, {"input": "a", "max_tokens": 5}, "body.max_tokens"),
        (RESPONSES, {"input": "a", "background": True}, "body.background"),
        (RESPONSES, {"input": "a", "text": {"verbosity": "low"}}, "body.text.verbosity"),
        (RESPONSES, {"input": "a", "tools": [{"type": "web_search"}]}, "body.tools"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(url: str, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRow) as caught:
        asked(url, **body)
    assert reason in caught.value.reason
