"""`make demo` counts right answers and fails when too few are right."""

import json
import sys
from pathlib import Path

import pytest

from examples import check_answers


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, documents: Path, answers: Path) -> int:
    monkeypatch.setattr(sys, "argv", ["check_answers", str(documents), str(answers)])
    return check_answers.main()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    rows: list[dict[str, object]] = [
        {
            "id": f"i-{number}",
            "text": "?",
            "field": "total" if number % 2 else "date",
            "expected": f"{number}",
        }
        for number in range(20)
    ]
    return write(tmp_path / "documents.jsonl", [*rows, {"id": "unasked", "text": "?"}])


def answers(folder: Path, numbers: range) -> Path:
    rows: list[dict[str, object]] = [
        {"custom_id": f"i-{number}", "text": f" {number}\n"} for number in numbers
    ]
    return write(folder / "answers.jsonl", [*rows, {"custom_id": "unasked", "text": "whatever"}])


def test_enough_right_answers_give_exit_code_0(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, documents, answers(tmp_path, range(19))) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["field", "right", "asked"],
        ["date", "10", "10"],
        ["total", "9", "10"],
    ]
    assert lines[3] == "wrong: i-19, total: expected '19', got no answer"
    assert lines[-1] == "19 of 20 answers are right"


def test_too_few_right_answers_give_exit_code_1(
    documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, documents, answers(tmp_path, range(18))) == 1
    assert capsys.readouterr().out.endswith("18 of 20 answers are right\n")


def test_documents_without_expected_answers_give_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = write(tmp_path / "documents.jsonl", [{"text": "nothing is expected"}])
    assert run(monkeypatch, documents, answers(tmp_path, range(0))) == 1


def test_a_document_without_an_id_is_matched_by_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = write(tmp_path / "documents.jsonl", [{"text": "?", "expected": "yes"}])
    said = write(tmp_path / "answers.jsonl", [{"custom_id": "1", "text": "yes"}])
    assert run(monkeypatch, documents, said) == 0
