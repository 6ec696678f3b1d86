"""The form of an answer, as requested and as stored."""

import pytest

from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.chat_rows import chat_row
from qwenq.schemas.response_format import ResponseFormat, ResponseType

SCHEMA = {"type": "object", "properties": {"z": {}, "a": {}}}
OF_OPENAI = {"type": "json_schema", "json_schema": {"name": "any", "schema": SCHEMA, "strict": True}}


def test_the_schema_in_openais_format_keeps_the_order_of_properties() -> None:
    body = {"messages": [{"role": "user", "content": "x"}], "response_format": OF_OPENAI}
    row = chat_row({"custom_id": "1", "body": body})
    assert row is not None
    form = GenerationParams().overlaid(row.overrides).response_format
    assert form == ResponseFormat.of_schema('{"type":"object","properties":{"z":{},"a":{}}}')


def test_a_response_format_is_the_same_after_json() -> None:
    params = GenerationParams().overlaid({"response_format": OF_OPENAI})
    assert GenerationParams.model_validate_json(params.model_dump_json()) == params
    assert GenerationParams.model_validate(params.model_dump(mode="json")) == params


def test_a_documents_own_response_format_overrides_the_jobs() -> None:
    job = GenerationParams().overlaid({"response_format": "json_object"})
    assert job.response_format.schema_text == '{"type":"object"}'
    assert job.overlaid({"response_format": {"type": "text"}}).response_format.type is ResponseType.TEXT
    assert job.overlaid({"seed": 1}).response_format == job.response_format


@pytest.mark.parametrize(
    "form",
    [
        {"type": "xml"},
        {"type": "json_schema"},
        {"type": "json_schema", "json_schema": {"name": "no schema"}},
        {"type": "json_object", "json_schema": {"schema": SCHEMA}},
        {"type": "text", "other": 1},
        "xml",
        5,
        None,
    ],
)
def test_an_unknown_response_format_is_refused_by_name(form: object) -> None:
    with pytest.raises(InvalidParameter, match="response_format"):
        GenerationParams().overlaid({"response_format": form})


def test_stop_strings_are_refused_together_with_json() -> None:
    with pytest.raises(InvalidParameter, match="a stop string would cut it"):
        GenerationParams().overlaid({"response_format": "json_object", "stop": "}"})
    assert GenerationParams().overlaid({"response_format": "text", "stop": "}"}).stop == ("}",)
