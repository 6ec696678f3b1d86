"""Requests as clients of OpenAI's API write them: each case of docs/internals/input-cases.md that begins with B."""

import io
import json
import re
from typing import Any

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.prompts.templating import PromptTemplate, RenderedDocument

USER = {"role": "user", "content": "Hi"}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}

FLAT_SCHEMA = {"type": "json_object", "schema": {"type": "object"}}


def read(*rows: dict[str, Any], prompt: PromptSpec | None = None) -> list[Row]:
    data = "\n".join(map(json.dumps, rows)).encode()
    return list(
        read_rows(["-"], Format.JSONL, prompt or PromptSpec(), GenerationParams(), stdin=io.BytesIO(data))
    )


def line(
    url: str | None = "/v1/chat/completions", method: str | None = "POST", **body: Any
) -> dict[str, Any]:
    return {"custom_id": "one", "method": method, "url": url, "body": {"messages": [USER], **body}}


def flat(**fields: Any) -> dict[str, Any]:
    return {"custom_id": "one", "model": "gpt-4o-mini", "messages": [USER], **fields}


def rendered(row: dict[str, Any]) -> RenderedDocument:
    (document,) = read(row)
    assert isinstance(document, Document), document
    return PromptTemplate.from_spec(PromptSpec()).render(document.content)


def refused(row: dict[str, Any]) -> BadRow:
    (bad,) = read(row)
    assert isinstance(bad, BadRow), bad
    return bad


NEUTRAL: list[dict[str, Any]] = [
    {"prompt_cache_key": "k"},
    {"prompt_cache_retention": "24h"},
    {"safety_identifier": "me", "user": "me", "store": True, "metadata": {"a": "b"}, "service_tier": "flex"},
    {"modalities": ["text"]},
    {"n": 1, "best_of": 1},
    {"n": 1.0, "stream": False, "logprobs": False, "logit_bias": {}, "top_logprobs": 0},
    {"length_penalty": 1.0, "early_stopping": False, "use_beam_search": False},
    {"skip_special_tokens": True, "spaces_between_special_tokens": True, "add_generation_prompt": True},
    {"include_stop_str_in_output": False, "ignore_eos": False, "min_tokens": 0, "stop_token_ids": []},
    {"tools": [], "tool_choice": "auto"},
    {"tools": [], "tool_choice": "none"},
    {"tools": None, "tool_choice": "auto", "parallel_tool_calls": True},
    {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "none"},
    {"functions": [], "function_call": "auto"},
    {"verbosity": "medium"},
    {"extra_headers": {"x": "y"}, "extra_query": {}, "timeout": 30},
    {"stream": False, "stream_options": {"include_usage": True}},
    {"extra_body": {}},
    {"extra_body": None, "web_search_options": None, "audio": None},
    {"include_reasoning": True, "priority": 5, "request_id": "r"},
    {
        "drop_params": True,
        "num_retries": 3,
        "api_base": "http://x",
        "api_key": "k",
        "api_version": "2024-10-21",
    },
    {"fallbacks": ["x"], "allowed_openai_params": ["x"], "user_security_context": {"application_name": "x"}},
]


@pytest.mark.parametrize("fields", NEUTRAL)
@pytest.mark.parametrize("write", [line, flat])
def test_b5_b10_b16_b17_b18_neutral_values_ask_for_nothing(fields: dict[str, Any], write: Any) -> None:
    assert rendered(write(**fields)).overrides == {}


@pytest.mark.parametrize(
    ("fields", "overrides"),
    [
        ({"top_k": -1}, {"top_k": 0}),
        ({"reasoning_effort": "none"}, {"thinking": False}),
        ({"reasoning": {"effort": "none"}}, {"thinking": False}),
        ({"thinking": {"type": "disabled"}}, {"thinking": False}),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, {"thinking": True, "thinking_budget": 9}),
        ({"extra_body": {"top_k": 20}}, {"top_k": 20}),
        ({"top_k": 5, "extra_body": {"top_k": 20, "chat_template_kwargs": {"enable_thinking": True}}},
         {"top_k": 20, "thinking": True}),
        ({"chat_template_kwargs": {"enable_thinking": False}}, {"thinking": False}),
        ({"max_tokens": 2}, {"max_new_tokens": 2}),
        ({"max_tokens": 2, "max_completion_tokens": 3}, {"max_new_tokens": 3}),
        ({"response_format": SCHEMA}, {"response_format": SCHEMA}),
        ({"response_format": FLAT_SCHEMA}, {"response_format": FLAT_SCHEMA}),
        ({"temperature": 0.5, "seed": 7, "stop": ["END"]}, {"temperature": 0.5, "seed": 7, "stop": ["END"]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("write", [line, flat])
def test_b16_b18_b19_b28_parameters_count_in_a_body_and_without_one(
    fields: dict[str, Any], overrides: dict[str, Any], write: Any
) -> None:
    assert rendered(write(**fields)).overrides == overrides


ASKING: list[dict[str, Any]] = [
    {"n": 3},
    {"n": 0},
    {"best_of": 2},
    {"stream": True},
    {"logprobs": True},
    {"top_logprobs": 5},
    {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "auto"},
    {"tool_choice": "required"},
    {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    {"functions": [{"name": "f"}]},
    {"web_search_options": {}},
    {"modalities": ["text", "audio"]},
    {"skip_special_tokens": False},
    {"add_generation_prompt": False},
    {"reasoning_effort": "high"},
    {"verbosity": "low"},
    {"length_penalty": 2.0},
    {"logit_bias": {"5": 1}},
    {"guided_json": {"type": "object"}},
    {"structured_outputs": {"json": {}}},
    {"ignore_eos": True},
    {"min_tokens": 5},
    {"stop_token_ids": [5]},
    {"extra_body": {"guided_json": {"type": "object"}}},
    {"extra_body": "top_k"},
    {"chat_template_kwargs": {"other": 1}},
    {"max_new_tokens": 5},
    {"max_output_tokens": 5},
    {"thinking": {"type": "adaptive"}},
    {"reasoning": {"effort": "high"}},
    {"do_sample": False},
    {"data_sources": [{"type": "azure_search"}]},
    {"stop_sequences": ["x"]},
    {"random_seed": 5},
]


@pytest.mark.parametrize("fields", ASKING)
@pytest.mark.parametrize("write", [line, flat])
def test_b4_b9_b20_b21_b28_what_cannot_be_honoured_makes_the_line_bad_with_its_id(
    fields: dict[str, Any], write: Any
) -> None:
    if "chat_template_kwargs" in fields and write is flat:
        fields = {"chat_template_kwargs": {"thinking_budget": -1}}
    bad = refused(write(**fields))
    assert bad.custom_id == "one"
    name = next(name for name in fields if name != "tools" or len(fields) == 1)
    shown = {"extra_body", "chat_template_kwargs", "tool_choice"}
    assert name in bad.reason or name in shown
    assert bad.code in {"invalid_row", "invalid_parameter"}


def test_b2_parts_of_a_message_are_joined_by_a_line_end() -> None:
    parts = [{"type": "text", "text": text} for text in ("Summarise this:", "The contract", "It ends.")]
    row = line(messages=[{"role": "user", "content": parts}])
    assert rendered(row).prompt.messages == (Message("user", "Summarise this:\nThe contract\nIt ends."),)


def test_parts_may_be_bare_strings_and_of_the_newer_api() -> None:
    parts = ["one", {"type": "input_text", "text": "two"}, {"type": "output_text", "text": "three"}]
    row = line(messages=[{"role": "user", "content": parts}])
    assert rendered(row).prompt.messages == (Message("user", "one\ntwo\nthree"),)


@pytest.mark.parametrize("name", ["prefix", "partial"])
def test_a_message_that_is_to_be_continued_makes_the_line_bad(name: str) -> None:
    row = line(messages=[USER, {"role": "assistant", "content": "Sure,", name: True}])
    assert f"messages[1].{name} is not supported" in refused(row).reason


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({"max_new_tokens": 5}, "write max_tokens instead"),
        ({"guided_json": {"type": "object"}}, "write response_format with a JSON schema instead"),
        ({"thinking": {"type": "adaptive"}}, "write enable_thinking and thinking_budget instead"),
        ({"stop_sequences": ["x"]}, "write stop instead"),
        ({"random_seed": 5}, "write seed instead"),
        ({"instructions": "Be brief."}, 'write a message with the role "system" instead'),
        ({"documents": [{"text": "x"}]}, "write their texts into a message"),
        ({"regex": "a+"}, "such as a string with a pattern"),
    ],
)
def test_the_advice_keeps_what_a_parameter_asks_for(fields: dict[str, Any], advice: str) -> None:
    assert advice in refused(line(**fields)).reason


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
@pytest.mark.parametrize("write", [line, flat])
def test_a_system_message_beside_the_messages_is_part_of_the_conversation(system: Any, write: Any) -> None:
    messages = rendered(write(system=system)).prompt.messages
    assert messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert rendered(write(system=None)).prompt.messages == (Message("user", "Hi"),)
    both = write(system=system, messages=[{"role": "system", "content": "Be long."}, USER])
    assert "write one of them" in refused(both).reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (
            {"role": "Bot", "content": "x"},
            "messages[0].role is 'Bot', not system, developer, user or assistant",
        ),
        ({"role": "human", "content": "x"}, "messages[0].role is 'human'"),
        ({"role": "human", "content": "x"}, "write it with convert_to_openai_messages"),
        ({"type": "human", "content": "x"}, "messages[0] has no role"),
        ({"lc": 1, "kwargs": {"content": "x"}}, "write it with convert_to_openai_messages"),
    ],
)
def test_a_message_without_a_known_role_is_told(message: dict[str, Any], reason: str) -> None:
    assert reason in refused(line(messages=[message])).reason


def test_b8_a_chat_with_a_system_message_alone_is_answered() -> None:
    for role in ("system", "developer"):
        row = line(messages=[{"role": role, "content": "Tell a joke."}])
        assert rendered(row).prompt.messages == (Message("system", "Tell a joke."),)


def test_b8_a_chat_without_text_is_not_asked() -> None:
    assert "messages is empty" in refused(line(messages=[])).reason
    for role in ("system", "user"):
        with pytest.raises(DocumentFailed) as caught:
            rendered(line(messages=[{"role": role, "content": " "}]))
        assert caught.value.code == "empty_prompt"


@pytest.mark.parametrize(
    "url",
    [
        None,
        "/v1/chat/completions",
        "/chat/completions",
        "/v1/chat/completions/",
        "https://api.openai.com/v1/chat/completions",
        "/openai/deployments/chat/chat/completions?api-version=2024-10-21",
        "https://me.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
    ],
)
@pytest.mark.parametrize("method", ["POST", "post", None])
def test_b24_b25_urls_of_chats_are_known(url: str | None, method: str | None) -> None:
    assert rendered(line(url, method)).prompt.messages == (Message("user", "Hi"),)


@pytest.mark.parametrize("url", ["/v1/embeddings", "/v1/moderations?x=/chat/completions", "", 5])
def test_b23_other_endpoints_are_refused(url: Any) -> None:
    bad = refused(line(url))
    assert "only these can be answered" in bad.reason
    assert bad.custom_id == "one"


@pytest.mark.parametrize(
    ("row", "custom_id"),
    [
        (line(n=2), "one"),
        ({**line(n=2), "custom_id": 7}, "7"),
        ({**line(n=2), "custom_id": "x" * 600}, "x" * 512),
        ({**line(n=2), "custom_id": "a\nb"}, "a␊b"),
        ({**line(), "custom_id": 1.5}, "1.5"),
        ({**line(n=2), "custom_id": None}, None),
        ({**line(n=2), "custom_id": {}}, None),
        ({"custom_id": "one", "text": 5}, "one"),
    ],
)
def test_b27_a_bad_row_keeps_the_id_that_it_shows(row: dict[str, Any], custom_id: str | None) -> None:
    assert refused(row).custom_id == custom_id


@pytest.mark.parametrize(
    "broken",
    [
        b'{"custom_id": "one", "body": {"messages": [',
        b'{"method": "POST", "custom_id" : "one", "body": tru}',
        b'{"id": "one", "text": "cut',
        b'{"custom_id": "one", "text": "\xff"}',
        b'{"custom_id": "one", "text": \'python\'}',
    ],
)
def test_b27_a_broken_line_keeps_the_id_that_it_shows(broken: bytes) -> None:
    rows = read_rows(
        ["-"], Format.JSONL, PromptSpec(), GenerationParams(), stdin=io.BytesIO(b'{"text":"x"}\n' + broken)
    )
    _, bad = rows
    assert isinstance(bad, BadRow)
    assert bad.custom_id == "one"


def test_b28_columns_beside_messages_are_no_parameters_of_a_template() -> None:
    row = {"id": "a", "messages": [USER], "temperature": 37.2, "tools": ["hammer"]}
    (document,) = read(row, prompt=PromptSpec(template="{{ text }} at {{ temperature }}"))
    assert isinstance(document, Document)


@pytest.mark.parametrize(
    ("row", "advice"),
    [
        ({"custom_id": "a", "params": {"max_tokens": 5, "messages": [USER]}}, "Anthropic"),
        ({"key": "a", "request": {"contents": [{"parts": [{"text": "x"}]}]}}, "Gemini"),
        ({"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": {"choices": []}}, "error": None},
         "Batch output, which holds answers. Give the file of requests instead"),
        ({"id": "b", "custom_id": "a", "response": None, "error": {"code": "batch_expired"}}, "Batch output"),
        ({"recordId": "a", "modelInput": {"messages": [USER]}}, "Bedrock"),
        ({"custom_id": "a", "body": json.dumps({"messages": [USER]})}, "body is a string"),
        ({"custom_id": "a", "messages": json.dumps([USER])}, "messages are a string"),
        ({"custom_id": "a", "body": {"model": "m", "input": "x"}}, "write it as messages"),
    ],
)  # fmt: skip
def test_b29_requests_of_other_vendors_are_told_as_what_they_are(row: dict[str, Any], advice: str) -> None:
    assert advice in refused(row).reason


def test_the_advice_about_a_line_of_batch_output_asks_about_its_answer() -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": "On 1 May."}}]}
    row = {"id": "b", "custom_id": "a", "response": {"status_code": 200, "body": body}, "error": None}
    template = re.search(r"'({{.*}})'", refused(row).reason)
    assert template
    prompt = PromptSpec(template=template[1])
    (document,) = read(row, prompt=prompt)
    assert isinstance(document, Document)
    assert "'On 1 May.'" in str(PromptTemplate.from_spec(prompt).render(document.content))
