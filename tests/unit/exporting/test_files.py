"""Answers and errors as files of each format, on disk and in an object store."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from qwenq.exporting import (
    RESULT_COLUMNS,
    check_outputs,
    errors_path,
    parquet,
    write_errors,
    write_history,
    write_results,
)
from qwenq.schemas.errors import MissingExtra, OutputNotWritable, UnknownProtocol
from qwenq.schemas.results import ErrorLine, Failure, FinishReason, Result, Usage
from tests.buckets import Bucket, buckets

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "total": {"type": ["integer", "null"]},
            "rate": {"type": "number"},
            "paid": {"type": "boolean"},
            "model": {"type": "string"},
            "items": {"type": "array"},
        },
    }
)
ANSWERS = [
    '{"total": 3, "rate": 1, "paid": true, "model": "X-1", "items": [{"name": "Ä, \\"b\\""}]}',
    '{"total": null, "rate": 0.25, "paid": false, "model": "", "items": []}',
    "cut off",
]
COLUMNS = ["total", "rate", "paid", "answer.model", "items"]
VALUES = [(3, 1.0, True, "X-1", '[{"name":"Ä, \\"b\\""}]'), (None, 0.25, False, "", "[]"), (None,) * 5]
ERRORS = [
    ErrorLine(custom_id=None, line=4, error=Failure("invalid_row", "broken\nJSON"), attempts=0),
    ErrorLine(custom_id="d5", line=5, error=Failure("too_long", "much too long")),
]


def results(*texts: str) -> Iterator[Result]:
    for place, text in enumerate(texts):
        yield Result(
            custom_id=f"d{place}",
            text=text,
            reasoning=None,
            finish_reason=FinishReason.STOP,
            usage=Usage(10, 2),
            model="echo",
            reused=place == 1,
        )


def rows_of(path: str | Path) -> list[dict[str, Any]]:
    with fsspec.open(str(path), "rb") as file:
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
    return rows


def broken() -> Iterator[Result]:
    yield from results("one")
    raise RuntimeError("the store went away")


@pytest.fixture
def bucket() -> Iterator[str]:
    """The URL of a folder in an object store."""
    with buckets():
        yield "s3://bucket/out"


def test_parquet_has_typed_columns_for_the_properties_of_the_schema(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.parquet"
    assert write_results(out, results(*ANSWERS), SCHEMA) == 3
    rows = rows_of(out)
    assert list(rows[0]) == [*RESULT_COLUMNS, *COLUMNS]
    assert [tuple(row[name] for name in COLUMNS) for row in rows] == VALUES
    assert [(row["custom_id"], row["text"], row["prompt_tokens"], row["reused"]) for row in rows] == [
        ("d0", ANSWERS[0], 10, False), ("d1", ANSWERS[1], 10, True), ("d2", ANSWERS[2], 10, False),
    ]  # fmt: skip
    types = {field.name: str(field.type) for field in pq.read_schema(out)}
    assert [types[name] for name in COLUMNS] == ["int64", "double", "bool", "string", "string"]


def test_csv_has_a_column_for_each_property_of_the_schema(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert write_results(out, results(*ANSWERS), SCHEMA) == 3
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [*RESULT_COLUMNS, *COLUMNS]
    assert [rows[0][name] for name in COLUMNS] == ["3", "1.0", "true", "X-1", '[{"name":"Ä, \\"b\\""}]']
    assert [rows[1][name] for name in COLUMNS] == ["", "0.25", "false", "", "[]"]
    assert [row["reused"] for row in rows] == ["false", "true", "false"]


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_results_without_a_schema_have_the_standard_columns_only(tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    write_results(out, results(*ANSWERS))
    header = out.read_text().splitlines()[0].split(",") if name == "out.csv" else pq.read_schema(out).names
    assert tuple(header) == RESULT_COLUMNS


def test_an_empty_table_has_the_columns_of_the_schema(tmp_path: Path) -> None:
    assert write_results(tmp_path / "out.parquet", results(), SCHEMA) == 0
    table = pq.read_table(tmp_path / "out.parquet")
    assert (table.num_rows, table.column_names) == (0, [*RESULT_COLUMNS, *COLUMNS])


def test_parquet_is_written_in_groups_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 2)
    write_results(tmp_path / "rows.parquet", results(*"abcde"))
    assert pq.ParquetFile(tmp_path / "rows.parquet").num_row_groups == 3
    monkeypatch.setattr(parquet, "GROUP_ROWS", 100)
    monkeypatch.setattr(parquet, "GROUP_CHARACTERS", 50)
    write_results(tmp_path / "long.parquet", results("x" * 60, "y" * 60, "z"))
    assert pq.ParquetFile(tmp_path / "long.parquet").num_row_groups == 3
    assert [row["text"][0] for row in rows_of(tmp_path / "long.parquet")] == ["x", "y", "z"]


def test_errors_are_a_table_and_an_old_file_is_removed_without_errors(tmp_path: Path) -> None:
    out = tmp_path / "errors.parquet"
    assert write_errors(out, ERRORS) == 2
    assert rows_of(out) == [
        {"custom_id": None, "line": 4, "code": "invalid_row", "message": "broken\nJSON", "attempts": 0},
        {"custom_id": "d5", "line": 5, "code": "too_long", "message": "much too long", "attempts": 1},
    ]
    assert write_errors(out, []) == 0
    assert write_history(out, []) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_an_interrupted_write_keeps_the_old_file(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out.{ending}"
    out.write_text("of yesterday")
    with pytest.raises(RuntimeError, match="went away"):
        write_results(out, broken())
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_text() == "of yesterday"


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_an_object_appears_whole_or_not_at_all(bucket: str, ending: str) -> None:
    out = f"{bucket}/answers.{ending}"
    check_outputs([out, errors_path(out)])
    store = fsspec.filesystem("s3")
    assert store.find("/bucket") == []
    with pytest.raises(RuntimeError, match="went away"):
        write_results(out, broken())
    assert store.find("/bucket") == []
    assert write_results(out, results("a", "b")) == 2
    assert store.find("/bucket") == [f"/bucket/out/answers.{ending}"]
    if ending == "parquet":
        assert [row["text"] for row in rows_of(out)] == ["a", "b"]
    else:
        assert len(store.cat_file(out).splitlines()) == (3 if ending == "csv" else 2)


def test_an_old_object_of_errors_is_removed_without_errors(bucket: str) -> None:
    errors = errors_path(f"{bucket}/answers.parquet")
    assert errors == f"{bucket}/answers.errors.jsonl"
    assert write_errors(errors, ERRORS) == 2
    assert write_errors(errors, []) == 0
    assert fsspec.filesystem("s3").find("/bucket") == []


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.jsonl"
    check_outputs([f"file://{out}"])
    assert write_results(f"file://{out}", results("a")) == 1
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]
    with pytest.raises(OutputNotWritable, match="separate files"):
        check_outputs([out, f"file://{out}"])


@pytest.mark.parametrize(
    ("out", "reason"),
    [
        ("out.xls", r"must end in \.jsonl, \.csv, \.parquet or \.xlsx"),
        ("folder.csv", "is not a file"),
        ("in.csv", "it is an input"),
        ("in.csv/out.csv", "the folder in.csv cannot be created, because a file has this name"),
    ],
)
def test_an_impossible_output_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.csv").mkdir()
    Path("in.csv").touch()
    with pytest.raises(OutputNotWritable, match=reason):
        check_outputs([out], ["in.csv"])


def test_an_object_store_that_refuses_is_reported_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied.")

    monkeypatch.setattr(Bucket, "pipe_file", refuse)
    with (
        buckets(),
        pytest.raises(OutputNotWritable, match=r"^s3://b/out\.csv cannot be written: Access Denied\.$"),
    ):
        check_outputs(["s3://b/out.csv"])


@pytest.mark.parametrize(
    "url",
    [
        "memory://b/out.csv",
        "zip://a.zip::/tmp/out.csv",
        "ftp://127.0.0.1:9/out.csv",
        "s3://b/a::file://c/out.csv",
    ],
)
def test_an_output_of_another_protocol_is_refused(url: str) -> None:
    with pytest.raises(UnknownProtocol):
        check_outputs([url])


def test_a_missing_package_is_reported_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtra, match=r"pip install '.*\[parquet\]'"):
        check_outputs([tmp_path / "out.parquet"])
    assert list(tmp_path.iterdir()) == []


def test_two_concurrent_writers_of_a_file_each_write_it_whole(tmp_path: Path) -> None:
    place = tmp_path / "answers.parquet"

    def writing_another_meanwhile() -> Iterator[Result]:
        yield from results("one")
        write_results(place, results("other"))
        assert [row["text"] for row in rows_of(place)] == ["other"]
        yield from results("two")

    write_results(place, writing_another_meanwhile())
    assert [row["text"] for row in rows_of(place)] == ["one", "two"]
    assert list(tmp_path.iterdir()) == [place]
