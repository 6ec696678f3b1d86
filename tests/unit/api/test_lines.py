"""Answers as rows and as a DataFrame, without pandas being needed."""

import sys
import types
from typing import Any

import pytest

from qwenq.api.lines import Answers, Lines
from qwenq.exporting.kept_columns import with_members
from qwenq.exporting.sheets import ERRORS, RESULTS, results_sheet
from qwenq.schemas.errors import MissingPackage
from qwenq.schemas.results import ErrorLine, Failure, FinishReason, Result, Usage

SCHEMA = '{"type": "object", "properties": {"label": {"type": "string"}}}'


def answer(custom_id: str, text: str = "yes", row: str | None = None) -> Result:
    usage = Usage(prompt_tokens=3, completion_tokens=1)
    return Result(
        custom_id=custom_id, text=text, reasoning=None, finish_reason=FinishReason.STOP, usage=usage, model="m", row=row
    )  # fmt: skip


@pytest.fixture
def pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pandas that keeps what a DataFrame is made of."""
    module = types.ModuleType("pandas")
    module.DataFrame = lambda rows=None, columns=None: (rows, columns)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", module)


def test_lines_are_objects_or_rows_with_the_columns_of_the_csv_file() -> None:
    lines = Lines([answer("a"), answer("b")], RESULTS)
    assert next(lines).custom_id == "a"
    (row,) = lines.rows()
    assert tuple(row) == RESULTS.columns
    assert (row["custom_id"], row["text"], row["prompt_tokens"], row["reused"]) == ("b", "yes", 3, False)
    assert list(lines) == []


def test_the_fields_of_a_schema_are_columns_of_a_row() -> None:
    (row,) = Lines([answer("a", '{"label": "spam"}')], results_sheet(SCHEMA)).rows()
    assert row["label"] == "spam"


def test_kept_columns_stand_behind_the_id() -> None:
    sheet = with_members(RESULTS, ("product", "text"))
    (row,) = Lines([answer("a", row='{"product": "tea", "text": "T"}')], sheet).rows()
    assert list(row)[:3] == ["custom_id", "product", "input.text"]
    assert (row["product"], row["input.text"], row["text"]) == ("tea", "T", "yes")


def test_errors_are_rows_too() -> None:
    error = ErrorLine(custom_id=None, line=3, error=Failure("invalid_row", "no text"))
    assert list(Lines([error], ERRORS).rows()) == [
        {"custom_id": None, "line": 3, "code": "invalid_row", "message": "no text", "attempts": 1}
    ]


def test_a_data_frame_is_made_of_the_rows(pandas: None) -> None:
    rows, columns = Lines([answer("a")], RESULTS).to_pandas()
    assert ([row["custom_id"] for row in rows], columns) == (["a"], None)


def test_a_data_frame_without_rows_has_the_columns(pandas: None) -> None:
    assert Lines[Result]([], RESULTS).to_pandas() == (None, list(RESULTS.columns))


def test_without_pandas_a_data_frame_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackage, match=r"to_pandas needs the package pandas.*pip install pandas"):
        Lines([answer("a")], RESULTS).to_pandas()


def test_answers_are_a_sequence_with_the_errors_beside(pandas: None) -> None:
    status: Any = types.SimpleNamespace(state="completed")
    answers = Answers(status, [answer("a"), answer("b")], [], RESULTS)
    assert ([one.custom_id for one in answers], answers[1].custom_id, len(answers)) == (["a", "b"], "b", 2)
    assert [row["custom_id"] for row in answers.rows()] == ["a", "b"]
    assert repr(answers) == "<answers: 2, errors: 0, job completed>"
