"""Memory stays flat, whatever the length of the input or of one line."""

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from producer.reading import read_rows
from producer.reading.lines import LINE_LIMIT
from schemas.generation import GenerationParams
from schemas.jobs import PromptSpec


def peak_of_reading(path: Path) -> tuple[int, int]:
    """Rows, and the most bytes that were held while they were read and dropped."""
    tracemalloc.start()
    try:
        rows = sum(1 for _ in read_rows([str(path)], None, PromptSpec(), GenerationParams()))
        return rows, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "pack"), [("a.jsonl", bytes), ("a.csv", bytes), ("a.jsonl.gz", gzip.compress)]
)
def test_ten_times_the_rows_take_no_more_memory(
    tmp_path: Path, name: str, pack: Callable[[bytes], bytes]
) -> None:
    peaks = []
    for count in (20_000, 200_000):
        path = tmp_path / f"{count}-{name}"
        if ".csv" in name:
            plain = b"text,n\n" + b"".join(b"some text of a document,%d\n" % n for n in range(count))
        else:
            plain = b"".join(b'{"text":"some text of a document","n":%d}\n' % n for n in range(count))
        path.write_bytes(pack(plain))
        rows, peak = peak_of_reading(path)
        assert rows == count
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0] + 100_000
    assert peaks[1] < 4_000_000


def test_one_enormous_line_is_never_held_whole(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    with path.open("wb") as file:
        for _ in range(10):
            file.write(b"x" * LINE_LIMIT)
    rows, peak = peak_of_reading(path)
    assert rows == 1
    assert peak < 4 * LINE_LIMIT


@pytest.mark.parametrize("byte", [b"\n", b"x"])
@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_small_archive_that_unpacks_to_much_stays_small(tmp_path: Path, ending: str, byte: bytes) -> None:
    pack = gzip.compress if ending == "gz" else zstandard.ZstdCompressor().compress
    path = tmp_path / f"a.jsonl.{ending}"
    path.write_bytes(pack(byte * (100 << 20)))
    _, peak = peak_of_reading(path)
    assert peak < 4 * LINE_LIMIT
