"""JSON Lines: which lines become documents, and which become bad rows."""

import io
import json
from typing import Any

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

GOOD = b'{"id": "good", "text": "fine"}\n'


def read(data: bytes, prompt: PromptSpec | None = None, params: GenerationParams | None = None) -> list[Row]:
    stdin = io.BytesIO(data)
    return list(
        read_rows(["-"], Format.JSONL, prompt or PromptSpec(), params or GenerationParams(), stdin=stdin)
    )


def only_error(line: bytes, prompt: PromptSpec | None = None) -> BadRow:
    """The bad row of a line between two good lines, which must be read."""
    before, error, after = read(GOOD + line + b"\n" + GOOD, prompt)
    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert isinstance(error, BadRow)
    assert (error.line, after.line) == (2, 3)
    return error


def batch_line(**body: Any) -> bytes:
    body = {"messages": [{"role": "user", "content": "Hello"}], **body}
    return json.dumps(
        {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    ).encode()


def of_schema(schema: object) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


def nested(line: bytes, depth: int) -> bytes:
    """The line with a deeply nested object in place of `"NESTED"`."""
    return line.replace(b'"NESTED"', b'{"a":' * depth + b"1" + b"}" * depth)


def test_a_jsonl_line_is_the_documents_content() -> None:
    line = '{"id":"a",  "text":"Grüße", "more":[1,2.50]}'
    assert read(b"  " + line.encode() + b" \r\n") == [Document("a", 0, 1, line)]


def test_blank_jsonl_lines_are_counted_but_are_not_rows() -> None:
    rows = read(b"\n  \r\n" + GOOD + b"\n" + GOOD.replace(b"good", b"other"))
    assert [row.line for row in rows] == [3, 5]


def test_a_byte_order_mark_and_a_missing_last_newline_do_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + GOOD.strip()) == [Document("good", 0, 1, GOOD.strip().decode())]


def test_an_empty_jsonl_has_no_rows() -> None:
    assert read(b"") == []


@pytest.mark.parametrize(
    ("row", "custom_id"),
    [
        ({"id": "a"}, "a"),
        ({"id": 7}, "7"),
        ({"id": -7}, "-7"),
        ({"custom_id": "c"}, "c"),
        ({"id": "a", "custom_id": "c"}, "a"),
        ({"id": None, "custom_id": "c"}, "c"),
        ({"id": ""}, "1"),
        ({"id": None}, "1"),
        ({}, "1"),
        ({"id": "naïve-文書-🙂"}, "naïve-文書-🙂"),
        ({"id": "a\u00a0b"}, "a\u00a0b"),
        ({"id": "x" * 512}, "x" * 512),
        ({"ID": 7, "Id": 8}, "7"),
        ({"Id": "001A"}, "001A"),
        ({"_id": {"$oid": "65a"}}, "65a"),
        ({"_id": {"$binary": {}}, "ID": True, "customId": "c"}, "c"),
        ({"id": None, "_id": 12345678901234567890123}, "12345678901234567890123"),
        ({"id": "", "ID": 7}, "1"),
    ],
)
def test_the_id_of_a_jsonl_row(row: dict[str, Any], custom_id: str) -> None:
    (document,) = read(json.dumps({**row, "text": "t"}).encode())
    assert isinstance(document, Document)
    assert document.custom_id == custom_id


def test_each_input_may_have_its_ids_under_another_name() -> None:
    rules = RowRules(PromptSpec(), GenerationParams())
    for row, custom_id in (({"text": "a"}, ""), ({"ID": 7}, "7"), ({"_id": "x"}, "x")):
        rules.begin_input()
        assert [rules.custom_id(row) for _ in range(3_000)] == [custom_id] * 3_000


def test_custom_id_is_not_read_if_the_job_names_an_id_column() -> None:
    prompt = PromptSpec(id_column="key")
    first, second = read(b'{"key":"k","id":"i","text":""}\n{"custom_id":"c","ID":"d","text":""}', prompt)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert (first.custom_id, second.custom_id) == ("k", "2")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": "a", "text": "cut', "broken JSON: unexpected end of data (column 25)"),
        (b'{"id": "a", "text": "x"} x', "broken JSON: unexpected content after document (column 26)"),
        (b"plain words", "broken JSON"),
        (b'{"text": NaN}', "wrong type: the column 'text' is null"),
        (b'["a list"]', "it is not a JSON object"),
        (b'"a string"', "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"[" * 5000, "broken JSON: depth limit exceeded"),
        (b'{"id": "a", "body": "b"}', "there is no column 'text'; it has: id, body"),
        (b"{}", "there is no column 'text'; it has: no columns"),
        (
            b'{"text": 12}',
            "wrong type: the column 'text' is a number; it must be a string, unless a prompt names it",
        ),
        (b'{"text": null}', "wrong type: the column 'text' is null"),
        (b'{"text": true}', "wrong type: the column 'text' is a boolean"),
        (b'{"text": ["a"]}', "wrong type: the column 'text' is an array"),
        (b'{"text": 1}', "as in --prompt '{{ text }}'"),
        (b'{"text": "\xff\xfe"}', "not valid UTF-8 (byte 11 of the line)"),
        (b'{"text": "\\ud800 alone"}', "broken JSON: no low surrogate"),
        (b'{"id": true, "text": ""}', "the id is a boolean"),
        (b'{"id": 1.5, "text": ""}', "the id is a number"),
        (b'{"id": {"a": 1}, "text": ""}', "the id is an object"),
        (b'{"id": "' + b"x" * 513 + b'", "text": ""}', "the id has 513 characters; at most 512"),
        (b'{"id": "a\\u0000b", "text": ""}', "the id holds a control character"),
        (b'{"id": "a\\nb", "text": ""}', "the id holds a control character"),
        (b'{"a\\u0000": 1}', "it has: a\\x00"),
    ],
)
def test_a_bad_jsonl_row_says_what_is_wrong(line: bytes, reason: str) -> None:
    error = only_error(line)
    assert reason in error.reason


def test_the_raw_text_of_a_bad_row_is_shortened_and_storable() -> None:
    error = only_error(b'\x00\xff{"id"' + b"x" * 10_000)
    assert error.raw.startswith('\\x00\\xff{"id"xxx')
    assert len(error.raw) == 2_001
    assert error.raw.endswith("…")


def test_a_line_at_the_limit_is_read_and_a_longer_line_is_bad() -> None:
    frame = len(b'{"text":""}')
    longest = b'{"text":"' + b"x" * (LINE_LIMIT - frame) + b'"}'
    rows = read(longest + b"\n" + longest[:-2] + b'x"}' + b"\n" + GOOD)
    assert isinstance(rows[0], Document)
    assert len(rows[0].content) == LINE_LIMIT
    assert isinstance(rows[1], BadRow)
    assert rows[1].reason == "over-long: it has more than 16 MiB"
    assert isinstance(rows[2], Document)
    assert rows[2].line == 3


def test_an_over_long_last_line_is_a_bad_row() -> None:
    (error,) = read(b'{"text":"' + b"x" * (3 * LINE_LIMIT))
    assert isinstance(error, BadRow)
    assert error.reason.startswith("over-long")


def test_a_row_needs_no_text_if_there_is_a_template() -> None:
    (document,) = read(b'{"id": 1, "title": 5}', PromptSpec(template="{{ title }}"))
    assert isinstance(document, Document)


def test_a_row_of_messages_needs_no_text() -> None:
    (document,) = read(b'{"id": "m", "messages": [{"role": "user", "content": "Hi"}]}')
    assert isinstance(document, Document)


def test_a_column_named_messages_may_be_anything_for_a_template() -> None:
    line = b'{"messages": ["first", "second"]}'
    assert "messages[0] is not an object" in only_error(line).reason
    (document,) = read(line, PromptSpec(template="{{ messages[0] }}"))
    assert isinstance(document, Document)


def test_a_column_named_body_may_be_text() -> None:
    (document,) = read(b'{"body": "Dear all", "text": "t"}')
    assert isinstance(document, Document)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"max_tokens": 10, "temperature": 0, "top_p": 0.5, "top_k": 20, "seed": 3, "stop": "END"},
        {"max_completion_tokens": 5, "stop": ["a", "b"], "model": "gpt-4o"},
        {"n": 1, "stream": False, "tools": [], "response_format": {"type": "text"}, "user": "me"},
        {"temperature": None, "frequency_penalty": 0, "logit_bias": {}},
        {"min_p": 0.1, "repetition_penalty": 1.1, "presence_penalty": -2, "frequency_penalty": 0.5},
        {"thinking_budget": 0, "stop": [f"{number:05}" for number in range(10_000)]},
        {"chat_template_kwargs": {"enable_thinking": True}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "any", "schema": {}}}},
    ],
)
def test_a_supported_batch_line_is_a_document(body: dict[str, Any]) -> None:
    (document,) = read(batch_line(**body))
    assert isinstance(document, Document)
    assert document.custom_id == "one"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"n": 2}, "body.n is not supported"),
        ({"stream": True}, "body.stream is not supported"),
        ({"tools": [{"type": "function"}]}, "body.tools is not supported"),
        ({"chat_template_kwargs": {"other": 1}}, "body.other is not supported"),
        ({"messages": []}, "messages is empty"),
        ({"messages": None}, "messages is missing or not an array"),
    ],
)
def test_an_unsupported_batch_line_is_a_bad_row_that_names_the_field(
    body: dict[str, Any], reason: str
) -> None:
    error = only_error(batch_line(**body))
    assert error.reason.startswith(reason)
    assert error.code == "invalid_row"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"max_tokens": 0}, "max_tokens: it must be at least 1"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens: it must be a whole number"),
        ({"temperature": -1}, "temperature: "),
        ({"temperature": True}, "temperature: "),
        ({"top_p": 0}, "top_p: "),
        ({"top_k": -2}, "top_k: "),
        ({"seed": 1.5}, "seed: "),
        ({"stop": [""]}, "stop: "),
        ({"stop": 5}, "stop: "),
        ({"stop": "a" * 1_001}, "stop: one stop string has 1,001 characters; at most 1,000"),
        ({"min_p": 1.5}, "min_p: "),
        ({"repetition_penalty": 0}, "repetition_penalty: "),
        ({"presence_penalty": 2.5}, "presence_penalty: "),
        ({"frequency_penalty": "high"}, "frequency_penalty: it must be a number"),
        ({"thinking_budget": -1}, "thinking_budget: "),
        ({"chat_template_kwargs": {"thinking_budget": 1.5}}, "thinking_budget: "),
        ({"max_tokens": 10**30}, "max_tokens: "),
        ({"response_format": {"type": "xml"}}, "response_format: "),
        ({"response_format": {"type": "json_object"}, "stop": "}"}, "response_format: JSON ends by itself"),
    ],
)
def test_an_invalid_parameter_in_a_row_has_its_own_code(body: dict[str, Any], reason: str) -> None:
    error = only_error(batch_line(**body))
    assert error.reason.startswith(reason)
    assert error.code == "invalid_parameter"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            of_schema({"type": "integer", "multipleOf": 9_999_991}),
            "response_format: multipleOf is 9.99999e+06",
        ),
        (of_schema({"enum": ["x" * 131_072]}), "response_format: it has 131,085 bytes; at most 131,072"),
    ],
)
def test_a_costly_parameter_is_a_bad_row(body: dict[str, Any], reason: str) -> None:
    error = only_error(batch_line(**body))
    assert error.code == "invalid_parameter"
    assert error.reason.startswith(reason)


@pytest.mark.parametrize(
    ("body", "depth", "reason"),
    [
        (of_schema("NESTED"), 100, "response_format: it is nested more than 64 deep"),
        (of_schema("NESTED"), 1_000, "they are not JSON, or nested too deep"),
        ({"stop": "NESTED"}, 1_000, "they are not JSON, or nested too deep"),
        ({"messages": [{"role": "user", "content": [{"type": "NESTED"}]}]}, 1_000, "messages[0].content has a part"),
    ],
)  # fmt: skip
def test_a_deeply_nested_parameter_is_a_bad_row(body: dict[str, Any], depth: int, reason: str) -> None:
    assert only_error(nested(batch_line(**body), depth)).reason.startswith(reason)


def test_parameters_that_are_equal_in_python_are_checked_apart() -> None:
    rows = read(batch_line(seed=1) + b"\n" + batch_line(seed=True))
    assert isinstance(rows[0], Document)
    assert isinstance(rows[1], BadRow)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"custom_id": "e", "url": "/v1/embeddings", "body": {"input": "x"}}', "url does not end"),
        (b'{"custom_id": "e", "method": "GET", "body": {"messages": []}}', "method is not POST"),
        (b'{"custom_id": "e", "body": {"prompt": "x"}}', "messages is missing"),
    ],
)
def test_a_batch_line_for_another_endpoint_is_a_bad_row(line: bytes, reason: str) -> None:
    assert only_error(line).reason.startswith(reason)
