"""Lines in OpenAI's shapes: its own package parses them, and a failed one names its parameter."""

import json
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel

from qwenq.exporting.openai_lines import answer_line, error_line
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.errors import DocumentFailed, OwnLimitTooHigh, PromptTooLong
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.results import ErrorLine, Failure, FinishReason, Result, Usage
from qwenq.schemas.service.endpoints import Endpoint

ROW = {"body": {"model": "m", "input": "Hi", "temperature": 0.5, "metadata": {"a": "b"}}}


@pytest.mark.parametrize("reason", [FinishReason.STOP, FinishReason.LENGTH])
@pytest.mark.parametrize(
    ("endpoint", "kind"),
    [
        (Endpoint.CHAT, ChatCompletion),
        (Endpoint.COMPLETIONS, Completion),
        (Endpoint.RESPONSES, Response),
    ],
)
def test_openais_package_parses_an_answer(
    endpoint: Endpoint, kind: type[BaseModel], reason: FinishReason
) -> None:
    result = Result(
        custom_id="a", text="Hello", reasoning="Hm", finish_reason=reason, usage=Usage(10, 7, 3, 4), model="m",
        row=json.dumps(ROW),
    )  # fmt: skip
    body = answer_line(result, 1_700_000_000, endpoint)["response"]["body"]
    parsed: Any = kind.model_validate(body, strict=True)
    if isinstance(parsed, Response):
        assert (parsed.output_text, parsed.temperature, parsed.metadata) == ("Hello", 0.5, {"a": "b"})
        assert parsed.status == ("completed" if reason is FinishReason.STOP else "incomplete")
        assert (parsed.incomplete_details is None) == (reason is FinishReason.STOP)
        assert parsed.usage is not None
        assert parsed.usage.input_tokens_details.cached_tokens == 4
        assert (parsed.usage.output_tokens_details.reasoning_tokens, parsed.usage.total_tokens) == (3, 17)
    else:
        choice = parsed.choices[0]
        assert choice.finish_reason == reason
        assert (choice.text if endpoint is Endpoint.COMPLETIONS else choice.message.content) == "Hello"
        assert parsed.usage.prompt_tokens_details.cached_tokens == 4
        assert parsed.usage.completion_tokens_details.reasoning_tokens == 3


@pytest.mark.parametrize(
    ("url", "body", "param"),
    [
        (Endpoint.CHAT, {"n": 2}, "n"),
        (Endpoint.CHAT, {"odd name": 2}, "odd name"),
        (Endpoint.CHAT, {"temperature": 200}, "temperature"),
        (Endpoint.CHAT, {"max_completion_tokens": "x"}, "max_completion_tokens"),
        (Endpoint.CHAT, {"response_format": {"type": "json_schema"}}, "response_format"),
        (Endpoint.CHAT, {"messages": []}, "messages"),
        (Endpoint.CHAT, {"messages": [{"role": "x"}]}, "messages[0].role"),
        (Endpoint.COMPLETIONS, {"prompt": [1]}, "prompt"),
        (Endpoint.COMPLETIONS, {"prompt": "a", "suffix": "b"}, "suffix"),
        (Endpoint.RESPONSES, {"input": 5}, "input"),
        (Endpoint.RESPONSES, {"input": "a", "max_output_tokens": 0}, "max_output_tokens"),
        (Endpoint.RESPONSES, {"input": "a", "text": {"format": {"type": "x"}}}, "text.format"),
    ],
)
def test_a_failed_line_names_its_parameter(url: Endpoint, body: dict[str, Any], param: str) -> None:
    messages = {"messages": [{"role": "user", "content": "Hi"}]} if url is Endpoint.CHAT else {}
    with pytest.raises(DocumentFailed) as caught:
        RowRules(PromptSpec(), GenerationParams()).check(
            {"custom_id": "a", "url": url, "body": {**messages, **body}}
        )
    assert failed(caught.value.code, caught.value.reason, url) == param  # type: ignore[attr-defined]
    assert failed(caught.value.code, str(caught.value), url) == param


@pytest.mark.parametrize(
    ("error", "endpoint", "param"),
    [
        (PromptTooLong(9, 9, 9), Endpoint.RESPONSES, "input"),
        (OwnLimitTooHigh(9, 9, 9, 9), Endpoint.RESPONSES, "max_output_tokens"),
        (OwnLimitTooHigh(9, 9, 9, 9), Endpoint.CHAT, "max_tokens"),
    ],
)
def test_a_request_that_does_not_fit_names_what_is_too_long(
    error: DocumentFailed, endpoint: Endpoint, param: str
) -> None:
    assert failed(error.code, str(error), endpoint) == param


@pytest.mark.parametrize(
    ("code", "message", "known"),
    [
        ("too_long", "much too long", "context_length_exceeded"),
        ("invalid_row", "body.n is not supported; remove it", "unsupported_parameter"),
        ("invalid_parameter", "top_p: it must be at most 1", "invalid_value"),
        ("poison", "it crashed", "poison"),
    ],
)
def test_a_failed_line_has_openais_code_and_ours_beside_it(code: str, message: str, known: str) -> None:
    found = error_line(ErrorLine(custom_id="a", line=1, error=Failure(code, message)))
    assert (found["response"]["body"]["error"]["code"], found["error"]["code"]) == (known, code)


@pytest.mark.parametrize("code", ["out_of_memory", "generation_error", "poison", "no_answer"])
def test_a_failure_of_our_own_names_none(code: str) -> None:
    assert failed(code, "something is wrong", Endpoint.CHAT) is None


def failed(code: str, message: str, endpoint: Endpoint) -> object:
    line = error_line(ErrorLine(custom_id="a", line=1, error=Failure(code, message)), endpoint)
    return line["response"]["body"]["error"]["param"]
