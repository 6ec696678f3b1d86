"""Rows in the shapes of other services and libraries: what they are, and how to write them instead."""

from collections.abc import Mapping
from typing import Any

_AS_BATCH = (
    'write it as OpenAI\'s: {"custom_id": …, "body": {"messages": […]}}, or as {"id": …, "messages": […]}'
)

_AS_RECORDS = "It looks like pandas' to_json(); write it with to_json(..., orient='records')"
_BATCH_OUTPUT = (
    "It is a line of OpenAI's Batch output, which holds answers. Give the file of requests instead; or ask about the "
    "answers with a prompt like '{{ response.body.choices[0].message.content }}'"
)
_SHAREGPT = "It is a conversation in ShareGPT's shape; write it as messages, each with a role and a content"


def no_object(value: object) -> str:
    """Why a value that is no object is no row, and what to do."""
    match value:
        case str():
            return 'it is not a JSON object, but a string; write it as {"text": …}'
        case list():
            return "it is not a JSON object, but an array; write each row as an object, with the names of its columns"
    return "it is not a JSON object"


def is_frame(row: Mapping[str, Any]) -> bool:
    """Whether an object is a whole table by columns, as pandas writes it: `{"text": {"0": …, "1": …}, …}`."""
    return len(row) > 1 and all(type(value) is dict and "0" in value for value in row.values())


def advice_about(row: Mapping[str, Any]) -> str | None:
    """What a row without a text is, and what to do; None if its shape is not known."""
    params, request, body = row.get("params"), row.get("request"), row.get("body")
    is_text = isinstance(body, str) and body.lstrip()[:1] == "{" and ("custom_id" in row or "url" in row)
    response = row.get("response")
    is_output = "custom_id" in row and "error" in row and (response is None or _is_response(response))
    shapes = (
        (is_output, _BATCH_OUTPUT),
        (isinstance(params, dict) and "messages" in params, f"It is a request of Anthropic's batches; {_AS_BATCH}"),
        (isinstance(request, dict) and "contents" in request, f"It is a request of Gemini's Batch API; {_AS_BATCH}"),
        (isinstance(row.get("contents"), list), f"It is a request of Gemini's API; {_AS_BATCH}"),
        (isinstance(row.get("modelInput"), dict), f"It is a record of Amazon Bedrock's batches; {_AS_BATCH}"),
        (is_text, "Its body is a string; write it as an object, not as the text of JSON"),
        (isinstance(row.get("messages"), str), "Its messages are a string; write them as an array, not as text"),
        (isinstance(row.get("conversations"), list), _SHAREGPT),
        ("custom_id" in row and bool({"input", "prompt"} & row.keys()), f"Only chats can be answered; {_AS_BATCH}"),
    )  # fmt: skip
    return next((advice for is_it, advice in shapes if is_it), None) or _of_nested(row)


def _is_response(response: object) -> bool:
    return isinstance(response, dict) and "status_code" in response


def _of_nested(row: Mapping[str, Any]) -> str | None:
    """Advice about a file that is one object, with the rows inside."""
    for name, value in row.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value[:3]):
            return f"The column {name[:40]!r} is an array of objects; if they are the rows, write that array alone"
    columns = list(row.values())
    if set(row) == {"columns", "index", "data"} or is_frame(row):
        return _AS_RECORDS
    if len(columns) > 1 and all(
        isinstance(value, dict) and value.keys() == columns[0].keys() for value in columns
    ):
        return "Its members are objects alike; if they are the rows, write them as an array, or one a line"
    return None
