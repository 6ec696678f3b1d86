"""Answers and errors in OpenAI's shape, as the readers of its Batch output take them."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from qwenq.exporting.files import check_outputs, errors_path, write_errors, write_results
from qwenq.exporting.openai_lines import write_openai
from qwenq.exporting.sheets import RESULTS
from qwenq.exporting.style import FileStyle
from qwenq.schemas.errors import OutputNotWritable
from qwenq.schemas.results import ErrorLine, Failure, FinishReason, OutputFormat, Result, Usage
from tests.openai_types import ChatCompletion, ErrorObject

ANSWER = Result(
    custom_id="one",
    text="Yes.",
    reasoning="Hm.",
    finish_reason=FinishReason.LENGTH,
    usage=Usage(10, 5, 2, 3),
    model="Qwen/Qwen3-8B",
)
BAD = ErrorLine(custom_id="two", line=4, error=Failure("invalid_row", "body.n is not supported"), attempts=0)
NAMELESS = ErrorLine(custom_id=None, line=5, error=Failure("invalid_row", "broken JSON"), attempts=0)
CRASHED = ErrorLine(custom_id="three", line=6, error=Failure("poison", "it crashed"))


def written(*lines: Any) -> list[dict[str, Any]]:
    output = io.BytesIO()
    assert write_openai(lines, RESULTS, output) == len(lines)
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_an_answer_has_the_members_that_readers_take() -> None:
    (line,) = written(ANSWER)
    assert list(line) == ["id", "custom_id", "response", "error"]
    assert line["custom_id"] == "one"
    assert line["error"] is None
    assert line["response"]["status_code"] == 200
    body = line["response"]["body"]
    assert body["object"] == "chat.completion"
    assert body["model"] == "Qwen/Qwen3-8B"
    (choice,) = body["choices"]
    assert choice["message"]["content"] == "Yes."
    assert choice["message"]["reasoning_content"] == "Hm."
    assert choice["finish_reason"] == "length"
    assert (body["usage"]["prompt_tokens"], body["usage"]["total_tokens"]) == (10, 15)
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


@pytest.mark.parametrize("reason", [FinishReason.STOP, FinishReason.LENGTH])
def test_an_answer_is_a_chat_completion_of_the_client(reason: FinishReason) -> None:
    (line,) = written(ANSWER.model_copy(update={"finish_reason": reason}))
    found = ChatCompletion.model_validate(line["response"]["body"])
    assert found.choices[0].message.content == "Yes."


@pytest.mark.parametrize("line", [BAD, NAMELESS, CRASHED])
def test_a_failure_is_an_error_object_of_the_client(line: ErrorLine) -> None:
    ErrorObject.model_validate(written(line)[0]["response"]["body"]["error"])


def test_each_line_has_ids_of_its_own_that_stay_the_same() -> None:
    first, second = written(ANSWER, ANSWER.model_copy(update={"custom_id": "other"}))
    assert first["id"] != second["id"]
    assert first["id"] == written(ANSWER)[0]["id"]


def test_a_failure_is_told_where_every_reader_looks() -> None:
    bad, nameless, crashed = written(BAD, NAMELESS, CRASHED)
    assert bad["custom_id"] == "two"
    assert bad["response"]["status_code"] == 400
    assert bad["response"]["body"]["error"]["code"] == "unsupported_parameter"
    assert bad["error"] == {"code": "invalid_row", "message": "body.n is not supported"}
    assert (nameless["custom_id"], nameless["error"]["message"]) == (None, "line 5: broken JSON")
    assert crashed["response"]["status_code"] == 500


def test_the_name_of_the_file_chooses_the_shape(tmp_path: Any) -> None:
    results, errors = tmp_path / "answers.openai.jsonl", tmp_path / "answers.errors.openai.jsonl"
    assert errors_path(results) == str(errors)
    write_results(results, [ANSWER])
    write_errors(errors, [BAD])
    assert json.loads(results.read_text())["response"]["body"]["choices"][0]["message"]["content"] == "Yes."
    assert json.loads(errors.read_text())["response"]["status_code"] == 400
    write_results(tmp_path / "plain.jsonl", [ANSWER])
    assert json.loads((tmp_path / "plain.jsonl").read_text())["text"] == "Yes."


OPENAI = FileStyle(output_format=OutputFormat.OPENAI)


@pytest.mark.parametrize("name", ["answers.jsonl", "answers", "answers.csv"])
def test_the_option_chooses_the_shape_whatever_the_name(tmp_path: Any, name: str) -> None:
    errors = errors_path(tmp_path / name, OutputFormat.OPENAI)
    assert errors == str(tmp_path / "answers.errors.jsonl")
    check_outputs([tmp_path / name, errors], (), OPENAI, tmp_path / name)
    write_results(tmp_path / name, [ANSWER], style=OPENAI)
    write_errors(errors, [BAD], OPENAI)
    assert json.loads((tmp_path / name).read_text())["response"]["body"]["object"] == "chat.completion"
    assert json.loads(Path(errors).read_text())["error"]["code"] == "invalid_row"


def test_errors_in_a_table_stay_a_table(tmp_path: Any) -> None:
    write_errors(tmp_path / "errors.csv", [BAD], OPENAI)
    assert (tmp_path / "errors.csv").read_text().startswith("custom_id,line,code")


def test_another_format_wins_over_the_ending(tmp_path: Any) -> None:
    name = tmp_path / "answers.openai.jsonl"
    style = FileStyle(output_format=OutputFormat.CSV)
    assert errors_path(name, OutputFormat.CSV) == str(tmp_path / "answers.openai.errors.jsonl")
    write_results(name, [ANSWER], style=style)
    assert name.read_text().startswith("custom_id,text")


@pytest.mark.parametrize(
    ("name", "output_format"), [("a.openai.jsonl", None), ("a.jsonl", OutputFormat.OPENAI)]
)
def test_columns_that_have_no_place_are_refused_before_any_work(
    tmp_path: Any, name: str, output_format: OutputFormat | None
) -> None:
    style = FileStyle(keep_columns="all", output_format=output_format)
    with pytest.raises(OutputNotWritable, match="no place for --keep-columns"):
        check_outputs([tmp_path / name], (), style, tmp_path / name)
