"""Parquet: what rows really take bounds a batch, also when a small file holds gigabytes."""

from pathlib import Path

import pyarrow as pa
import pytest

from qwenq.producer.reading import read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import write_parquet

MIB = 1 << 20
LONG = "The contract begins on 1 May. " * (4 * MIB // 30)


@pytest.fixture(autouse=True)
def _little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENQ_READ_MEMORY_BYTES", str(1024 * MIB))


def read(path: Path) -> list[Row]:
    """The rows, with only the beginning of what they hold."""
    rows = read_rows([str(path)], None, PromptSpec(template="{{ row }}"), GenerationParams())
    return [row._replace(content=row.content[:40]) if isinstance(row, Document) else row for row in rows]


def test_rows_that_share_a_long_text_are_read_in_little_memory(tmp_path: Path) -> None:
    # 400 MiB in 100 rows, and 100 KiB in the file. Short rows come first, so that the batches have grown.
    texts = ["short"] * 2_000 + [LONG] * 100
    path = write_parquet(tmp_path / "a.parquet", {"text": texts}, compression="zstd")
    assert path.stat().st_size < 100_000
    rows = read(path)
    assert [row.line for row in rows] == list(range(1, 2_101))
    assert all(isinstance(row, Document) for row in rows)


def test_a_long_text_in_lists_is_read_in_little_memory(tmp_path: Path) -> None:
    texts = [["short"]] * 500 + [["short", LONG, LONG]] * 20
    path = write_parquet(tmp_path / "a.parquet", {"texts": texts}, compression="zstd")
    rows = read(path)
    assert sum(isinstance(row, Document) for row in rows) == 520


def test_a_row_above_the_limit_is_a_bad_row_and_the_others_are_read(tmp_path: Path) -> None:
    texts = ["short", LONG * 5, "short", LONG * 8, "short"]
    for use_dictionary in (True, False):
        path = write_parquet(
            tmp_path / "a.parquet", {"text": texts}, compression="zstd", use_dictionary=use_dictionary
        )
        rows = read(path)
        assert [row.line for row in rows if isinstance(row, Document)] == [1, 3, 5]
        assert [row.reason for row in rows if isinstance(row, BadRow)] == [
            "over-long: it has more than 16 MiB"
        ] * 2


def test_rows_that_cannot_fit_into_memory_are_bad_rows_without_being_unpacked(tmp_path: Path) -> None:
    huge = pa.array(["x" * (100 * MIB), "x" * (80 * MIB)])
    path = write_parquet(tmp_path / "a.parquet", {"text": huge}, compression="zstd")
    del huge
    assert path.stat().st_size < 200_000
    rows = read(path)
    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "over-long: it has more than 16 MiB"
    ] * 2


def test_row_groups_behind_a_huge_one_are_read(tmp_path: Path) -> None:
    table = pa.table({"text": ["x" * (100 * MIB), "first", "second"]})
    path = tmp_path / "a.parquet"
    from pyarrow import parquet

    with parquet.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table.slice(0, 1))
        writer.write_table(table.slice(1))
    rows = read(path)
    assert [row.line for row in rows if isinstance(row, Document)] == [2, 3]
    assert len(rows) == 3
