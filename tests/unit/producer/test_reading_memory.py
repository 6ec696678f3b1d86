"""Reading takes constant memory, for inputs and lines of any length."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from qwenq.producer.reading import read_rows
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec


def peak_of_reading(path: Path) -> tuple[int, int]:
    """Read and drop all rows. Returns their number, and the most bytes held meanwhile."""
    tracemalloc.start()
    try:
        rows = sum(1 for _ in read_rows([str(path)], None, PromptSpec(), GenerationParams()))
        return rows, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def rows_of(name: str, count: int) -> bytes:
    if ".csv" in name:
        return b"text,n\n" + b"".join(b"some text of a document,%d\n" % n for n in range(count))
    return b"".join(b'{"text":"some text of a document","n":%d}\n' % n for n in range(count))


@pytest.mark.parametrize(
    ("name", "pack", "count"),
    [("a.jsonl", bytes, 5_000), ("a.csv", bytes, 3_000), ("a.jsonl.gz", gzip.compress, 5_000)],
)
def test_ten_times_the_rows_take_no_more_memory(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes], count: int
) -> None:
    peaks = []
    for length in (count, 10 * count):
        path = tmp_path / f"{length}-{name}"
        path.write_bytes(pack(rows_of(name, length)))
        rows, peak = peak_of_reading(path)
        assert rows == length
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0] + 1_000_000
    assert peaks[1] < 4_000_000


def test_one_enormous_line_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with path.open("wb") as file:
        for _ in range(10):
            file.write(b"x" * LINE_LIMIT)
    rows, peak = peak_of_reading(path)
    assert rows == 1
    assert peak < 5 * LINE_LIMIT


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_small_archive_that_unpacks_to_much_takes_little_memory(tmp_path: Path, ending: str) -> None:
    pack = gzip.compress if ending == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(pack(b"x" * (200 << 20)))
    _, peak = peak_of_reading(path)
    assert peak < 5 * LINE_LIMIT
