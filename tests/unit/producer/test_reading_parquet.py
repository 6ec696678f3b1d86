"""Parquet: rows by their number, values as JSON has them, and one bad value for one bad row."""

import io
import tracemalloc
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.parquet import rows as parquet
from qwenq.producer.reading.parquet.rows import parquet_pieces
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import MissingExtra, UnknownColumn, UnreadableDocument, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import write_parquet
from tests.readers import shared_reader


def read(*paths: Path, **prompt: Any) -> list[Row]:
    return list(
        read_rows(
            [str(path) for path in paths],
            None,
            PromptSpec(**prompt),
            GenerationParams(),
            reader=shared_reader(),
        )
    )


def contents(rows: list[Row]) -> list[Any]:
    return [orjson.loads(row.content) for row in rows if isinstance(row, Document)]


def test_each_parquet_row_is_a_document(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"id": [7, 8], "text": ["one", "two"], "sum": [1.5, None]})
    rows = read(path, columns="all")
    assert [(row.custom_id, row.line) for row in rows if isinstance(row, Document)] == [("7", 1), ("8", 2)]
    assert contents(rows) == [{"id": 7, "text": "one", "sum": 1.5}, {"id": 8, "text": "two", "sum": None}]


def test_parquet_rows_are_numbered_over_batches_and_row_groups(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": list(map(str, range(2_500)))}, row_group_size=700)
    rows = read(path)
    assert [row.custom_id for row in rows if isinstance(row, Document)] == list(map(str, range(1, 2_501)))
    assert [content["text"] for content in contents(rows)] == list(map(str, range(2_500)))


def test_values_that_json_lacks_become_stable_text(tmp_path: Path) -> None:
    path = write_parquet(
        tmp_path / "a.parquet",
        {
            "text": pa.array([b"bytes of text"]),
            "day": [date(2026, 11, 22)],
            "at": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "UTC")),
            "sum": [Decimal("12.50")],
            "tags": [["a", "b"]],
        },
    )
    assert contents(read(path, columns="all")) == [
        {
            "text": "bytes of text",
            "day": "2026-11-22",
            "at": datetime(2023, 11, 14, 22, 13, 20, 123456, UTC).isoformat(),
            "sum": "12.50",
            "tags": ["a", "b"],
        }
    ]


def test_a_parquet_value_that_cannot_be_read_spoils_its_own_row_only(tmp_path: Path) -> None:
    texts = pa.array([b"good", b"\xff\xfe", b"good too"]).view(pa.string())
    rows = read(write_parquet(tmp_path / "a.parquet", {"text": texts}))
    assert [content["text"] for content in contents(rows)] == ["good", "good too"]
    (bad,) = [row for row in rows if isinstance(row, BadRow)]
    assert (bad.line, "cannot be read" in bad.reason) == (2, True)


def test_a_parquet_row_without_text_is_a_bad_row(tmp_path: Path) -> None:
    rows = read(write_parquet(tmp_path / "a.parquet", {"text": ["x", None]}))
    assert isinstance(rows[1], BadRow)
    assert "must be a string" in rows[1].reason


def test_parquet_is_read_from_a_pipe(tmp_path: Path) -> None:
    data = write_parquet(tmp_path / "a.parquet", {"text": ["x"]}).read_bytes()
    rows = read_rows(["-"], Format.PARQUET, PromptSpec(), GenerationParams(), stdin=io.BytesIO(data))
    assert [row.line for row in rows] == [1]


def test_parquet_without_the_text_or_the_id_column_is_refused(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"body": ["x"]})
    with pytest.raises(UnknownColumn, match=r"no column 'text'. It has: body"):
        read(path)
    with pytest.raises(UnknownColumn, match="no column 'key'"):
        read(path, text_column="body", id_column="key")
    assert len(read(path, text_column="body")) == 1


@pytest.mark.parametrize("cut", [3, 100])
def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path, cut: int) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["x"] * 1_000})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UnreadableInput, match="not a Parquet file, or damaged"):
        read_rows([str(path)], None, PromptSpec(), GenerationParams())


def test_damaged_parquet_pages_end_the_file_with_a_bad_row(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": list(map(str, range(5_000)))}, row_group_size=1_000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
    path.write_bytes(data)
    rows = read(path)
    assert isinstance(rows[-1], BadRow)
    assert rows[-1].reason.startswith("the file broke off here: ")
    assert [content["text"] for content in contents(rows)] == list(map(str, range(len(rows) - 1)))
    assert len(rows) > 1_000


def test_a_missing_package_for_parquet_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["x"]})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install '.*\[parquet\]'"):
        read(path)


def test_more_parquet_rows_take_no_more_memory(tmp_path: Path) -> None:
    peaks = []
    for rows in (5_000, 50_000):
        path = write_parquet(
            tmp_path / f"{rows}.parquet", {"text": [f"{n} " + "x" * 500 for n in range(rows)]}
        )
        before = pa.total_allocated_bytes()
        tracemalloc.start()
        most = 0
        with path.open("rb") as file:
            for _ in parquet_pieces(file, first_only=False):
                most = max(most, pa.total_allocated_bytes() - before)
        peaks.append(most + tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0] + 2_000_000


def test_a_row_group_that_is_too_large_is_refused_by_its_footer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": [f"{number:09}" * 1_000 for number in range(300)]})
    monkeypatch.setattr(parquet, "MOST_GROUP_BYTES", 1 << 20)
    with (
        path.open("rb") as file,
        pytest.raises(
            UnreadableDocument, match=r"row group 1 unpacks to 2 MiB; the most is 1\. Write it with"
        ),
    ):
        list(parquet_pieces(file, first_only=False))
