"""With csv_safe, no cell of a CSV file is a formula to a spreadsheet."""

import csv
from pathlib import Path

import pytest

from qwenq.exporting import PLAIN, FileStyle, write_errors, write_results
from qwenq.exporting.formulas import safe_cell
from qwenq.schemas.results import ErrorLine
from tests.unit.exporting.test_files import ERRORS, results

SAFE = FileStyle(csv_safe=True)
SCHEMA = '{"type": "object", "properties": {"=total": {"type": "integer"}, "note": {"type": "string"}}}'


@pytest.mark.parametrize(
    "text",
    [
        "=1",
        "+1",
        "-1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n1",
        " =1",
        "\u00a0 @x",
        "\ufeff=1",
        "\uff1d1",
        "\t1",
        "--",
    ],
    ids=ascii,
)
def test_a_text_that_is_taken_for_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["", "a=1", "1", "'=1", " a", -1, -0.5, None, True, '{"a": 1}'], ids=ascii)
def test_everything_else_stays(value: object) -> None:
    assert safe_cell(value) == value


def test_a_csv_of_answers_is_safe_with_the_columns_of_its_schema(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    answer = '{"=total": -7, "note": "=HYPERLINK(1)"}'
    write_results(out, results(answer, "=cmd|x"), SCHEMA, SAFE)
    first, second = csv.DictReader(out.read_text("utf-8").splitlines())
    assert (first["'=total"], first["note"]) == ("-7", "'=HYPERLINK(1)")
    assert second["text"] == "'=cmd|x"


def test_other_formats_and_files_without_the_option_are_exact(tmp_path: Path) -> None:
    for name in ("safe.jsonl", "plain.csv"):
        write_results(tmp_path / name, results("=cmd|x"), style=SAFE if name.startswith("safe") else PLAIN)
        assert "'=" not in (tmp_path / name).read_text("utf-8")


def test_errors_are_safe_too(tmp_path: Path) -> None:
    odd: ErrorLine = ERRORS[0].model_copy(update={"custom_id": "=id"})
    write_errors(tmp_path / "errors.csv", [odd], SAFE)
    assert "'=id" in (tmp_path / "errors.csv").read_text("utf-8")
