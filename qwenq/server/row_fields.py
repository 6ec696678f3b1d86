"""qwenq's own fields of a batch: its input is rows or documents, as `qwenq submit` reads them, not OpenAI's lines."""

from collections.abc import Mapping
from typing import Any

import orjson

from qwenq.actions.request import JobRequest
from qwenq.producer.opening import checked_prompts
from qwenq.producer.reading.formats import Format, known_format
from qwenq.schemas.errors import InvalidParameter, InvalidRow, InvalidTemplate, UsageError
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.prompts.row_parameters import PARAMETERS, own_parameters
from qwenq.schemas.service.endpoints import Endpoint
from qwenq.schemas.service.stored import Purpose, StoredFile
from qwenq.schemas.settings import Settings
from qwenq.server.bodies import text_in, wrong_type
from qwenq.server.queries import bound, one_of, whole
from qwenq.server.refusals import Refused

MOST_SKIPPED_ROWS = 1_000_000
_TEXTS = (
    *("prompt", "template", "system", "merge_prompt", "text_column", "id_column"),
    *("sheet", "delimiter", "encoding", "format"),
)
_OTHERS = ("values", "schema", "columns", "header", "skip_rows")
_BESIDE = ("model", "on_overflow", *PARAMETERS)
"""These alone do not say that the input is rows: other programs send some of them, too."""
ROW_FIELDS = (*_TEXTS, *_OTHERS, *_BESIDE)
_OF_OPENAI = frozenset(
    {
        *("input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"),
        "idempotency_key",
    }
)
_PARAMS = {"json_schema": "schema", "max_new_tokens": "max_tokens", "var": "values"}


def are_rows(body: Mapping[str, Any], file: StoredFile) -> bool:
    """Whether a batch's input is rows: it has fields for them, or its file is no JSONL.

    A file for another purpose is no input without a word of what to do with it.
    """
    if any(body.get(name) is not None for name in (*_TEXTS, *_OTHERS)):
        return True
    is_meant = file.purpose is Purpose.BATCH or body.get("model") is not None
    return is_meant and known_format(file.name) not in {None, Format.JSONL}


def row_fields(body: Mapping[str, Any], endpoint: str) -> Mapping[str, Any]:
    """The fields for rows, which have the right types. Raises Refused, also for a field that nobody knows."""
    given = {name: value for name, value in body.items() if name not in _OF_OPENAI and value is not None}
    for name, value in given.items():
        if name not in ROW_FIELDS:
            message = (
                f"Unknown parameter: '{name[:100]}'. The input of this batch is rows; for them there are: "
            )
            raise Refused(400, message + ", ".join(ROW_FIELDS), param=name[:100], code="unknown_parameter")
        if name in (*_TEXTS, "model", "on_overflow"):
            text_in(body, name)
        _check_type(name, value)
    if "model" not in given:
        raise one_of("model", None, ())
    if endpoint == Endpoint.COMPLETIONS:
        raise one_of("endpoint", endpoint, (Endpoint.CHAT, Endpoint.RESPONSES))
    return given


def job_of_rows(
    settings: Settings, fields: Mapping[str, Any], file_name: str, key: str | None, most_tokens: int | None
) -> tuple[JobRequest, JobSpec]:
    """The job of a batch of rows. Raises Refused for a prompt, a schema or a parameter that cannot be used."""
    model = str(fields["model"])
    try:
        request = _request(fields, file_name, key)
        spec = request.specify(settings.model_copy(update={"model": model}))
        checked_prompts(spec)
        _ = request.tables
    except UsageError as error:
        raise _refused(error, fields) from None
    most = spec.params.max_new_tokens if most_tokens is None else most_tokens
    if spec.params.max_new_tokens > most:
        if "max_tokens" in fields or "max_completion_tokens" in fields:
            bound(spec.params.max_new_tokens, 1, most, "max_tokens")
        spec = spec.model_copy(
            update={"params": spec.params.model_copy(update={"max_new_tokens": max(1, most)})}
        )
    # Not the folder that the server may have under this name.
    return request, spec.model_copy(update={"model": model, "name": file_name, "sources": (file_name,)})


def _request(fields: Mapping[str, Any], file_name: str, key: str | None) -> JobRequest:
    """What a person would ask for with the same options. Raises UsageError."""
    given = {name: fields[name] for name in (*_TEXTS, *_OTHERS) if name in fields}
    schema = given.pop("schema", None)
    try:
        params, _ = own_parameters({name: fields[name] for name in PARAMETERS if name in fields}, "")
    except InvalidRow as error:
        raise InvalidParameter(name="parameters", reason=error.reason) from None
    if "on_overflow" in fields:
        params["on_overflow"] = fields["on_overflow"]
    if schema is not None:
        if "response_format" in params:
            raise InvalidParameter(name="schema", reason="give one of schema and response_format, not both")
        params["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
    if "format" in given:
        try:
            given["format"] = Format(given["format"])
        except ValueError:
            raise InvalidParameter(name="format", reason=f"it must be one of {', '.join(Format)}") from None
    return JobRequest(files=(file_name,), idempotency_key=key, params=params, **given)


def _check_type(name: str, value: object) -> None:
    """Raise Refused for a value of another type. Generation parameters are checked with the others."""
    match name:
        case "schema" if not isinstance(value, dict):
            raise wrong_type(name, "an object", value)
        case "header" if not isinstance(value, bool):
            raise wrong_type(name, "a boolean", value)
        case "skip_rows":
            bound(whole(name, value), 0, MOST_SKIPPED_ROWS, name)
        case "columns" if not (isinstance(value, str) or _are_texts(value)):
            raise wrong_type(name, "a string or an array of strings", value)
        case "values":
            if not isinstance(value, dict):
                raise wrong_type(name, "an object", value)
            for one, text in value.items():
                if not isinstance(text, str | int) or isinstance(text, bool):
                    raise wrong_type(f"values.{one[:64]}", "a string or an integer", text)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _refused(error: UsageError, fields: Mapping[str, Any]) -> Refused:
    """The refusal with the field that the error is about."""
    name = error.name if isinstance(error, InvalidParameter) else ""
    if isinstance(error, InvalidTemplate) or name == "the prompt":
        name = "template" if "template" in fields else "prompt"
    own = name.lstrip("-").partition(" ")[0].partition(",")[0].replace("-", "_")
    param = _PARAMS.get(own, own)
    if param == "response_format" and "schema" in fields:
        param = "schema"
    if param not in ROW_FIELDS:
        param = "template" if "template" in fields else "prompt"
    return Refused(400, f"Invalid '{param}': {error}", param=param, code="invalid_value")


def stored(fields: Mapping[str, Any]) -> str:
    """The fields as text, which keeps the order of a schema's properties."""
    return orjson.dumps(fields).decode()
