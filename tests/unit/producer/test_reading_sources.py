"""Opening files: formats by name, compression, standard input, pipes, and files that break off."""

import gzip
import io
import json
import os
import random
import resource
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import NothingFound, UnknownFormat, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.readers import shared_reader

LINES = b"".join(b'{"id":"%d","text":"number %d"}\n' % (number, number * 7919) for number in range(5_000))
CSV = b"id,text\n" + b"".join(b"%d,number %d\n" % (number, number * 7919) for number in range(5_000))
IDS = [str(number) for number in range(5_000)]


def read(names: Sequence[str | Path], form: Format | None = None, stdin: BinaryIO | None = None) -> list[Row]:
    sources = [str(name) for name in names]
    return list(
        read_rows(sources, form, PromptSpec(), GenerationParams(), stdin=stdin, reader=shared_reader())
    )


def ids(rows: list[Row]) -> list[str]:
    return [row.custom_id for row in rows if isinstance(row, Document)]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


PACK: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", LINES),
        ("a.NDJSON", LINES),
        ("a.json", LINES),
        ("a.jsonl.gz", gzip.compress(LINES)),
        ("a.jsonl.gz", gzip.compress(LINES[:1000]) + gzip.compress(LINES[1000:]) + b"\0" * 512),
        ("a.jsonl.zst", zstd(LINES)),
        ("a.jsonl.zst", zstd(LINES[:1000]) + zstd(b"") + zstd(LINES[1000:])),
        ("packed-without-saying-so.jsonl", gzip.compress(LINES)),
        ("a.csv", CSV),
        ("a.csv.gz", gzip.compress(CSV)),
        ("a.tsv", CSV.replace(b",", b"\t")),
        ("a.tsv.zst", zstd(CSV.replace(b",", b"\t"))),
    ],
)
def test_a_name_gives_format_and_compression(tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    assert ids(read([path])) == IDS


@pytest.mark.parametrize("name", ["a.unheard", "a", "jsonl"])
def test_an_unknown_ending_asks_for_the_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(LINES)
    with pytest.raises(UnknownFormat, match="--format"):
        read([path])
    assert ids(read([path], Format.JSONL)) == IDS


def test_standard_input_may_be_compressed() -> None:
    for data in (LINES, gzip.compress(LINES), zstd(LINES), b"\n \n" + LINES):
        assert ids(read(["-"], stdin=io.BytesIO(data))) == IDS
    assert ids(read(["-"], Format.CSV, stdin=io.BytesIO(CSV))) == IDS


def test_standard_input_that_is_not_json_asks_for_the_format() -> None:
    with pytest.raises(UnknownFormat, match="stdin"):
        read(["-"], stdin=io.BytesIO(CSV))


def test_standard_input_can_be_named_once() -> None:
    with pytest.raises(UnreadableInput, match="only once"):
        read(["-", "-"], Format.JSONL, stdin=io.BytesIO(LINES))


def test_a_named_pipe_loses_nothing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv.gz"
    plain = tmp_path / "plain.csv"
    plain.write_bytes(CSV)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(CSV),))
    writer.start()
    assert ids(read([plain, pipe])) == IDS + IDS
    writer.join()


def test_several_files_keep_their_order_and_prefix_line_ids(tmp_path: Path) -> None:
    first, second = tmp_path / "a.jsonl", tmp_path / "b.csv"
    first.write_text('{"text":"x"}\n\n{"text":"y"}\n')
    second.write_text("text\nz\n")
    rows = read([first, second])
    assert ids(rows) == [f"{first}:1", f"{first}:3", f"{second}:2"]
    assert [row.source for row in rows] == [0, 0, 1]


def test_more_files_are_read_than_may_be_open_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jsonl" for number in range(200)]
    for path in paths:
        path.write_text('{"text":"x"}\n')
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    opened = len(list(Path("/dev/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (opened + 20, hard))
    try:
        assert len(read(paths)) == 200
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_unreadable_input_is_refused_before_the_first_row(tmp_path: Path) -> None:
    good, folder = tmp_path / "good.jsonl", tmp_path / "folder.jsonl"
    good.write_bytes(LINES)
    folder.mkdir()
    (tmp_path / "false.jsonl.gz").write_bytes(LINES)
    (tmp_path / "empty.jsonl.zst").write_bytes(b"")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(LINES)[:8])
    (tmp_path / "utf16.jsonl").write_bytes(LINES.decode().encode("utf-16"))
    for name, reason in [
        ("missing.jsonl", "no such file or directory"),
        ("folder.jsonl", "the folder is empty"),
        ("false.jsonl.gz", "it is not gzip data, though its name says so"),
        ("empty.jsonl.zst", "it is not zstd data, though its name says so"),
        ("cut.jsonl.gz", "its gzip data is truncated"),
        ("utf16.jsonl", "it is UTF-16; save it as UTF-8"),
        ("nul\0.jsonl", "embedded null byte"),
    ]:
        sources = [str(good), str(tmp_path / name)]
        with pytest.raises((UnreadableInput, NothingFound)) as caught:
            read_rows(sources, None, PromptSpec(), GenerationParams())
        assert reason in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret.jsonl"
    path.write_bytes(LINES)
    path.chmod(0)
    with pytest.raises(UnreadableInput, match="permission denied"):
        read([path])


def written(ending: str, rows: int) -> bytes:
    """Rows of text that packs badly, so that a packed file has many blocks."""
    words = random.Random(1).randbytes(50 * rows).hex()
    texts = [words[at : at + 100] for at in range(0, len(words), 100)]
    if ending == "csv":
        return "\n".join(["text", *texts]).encode()
    return "\n".join(json.dumps({"text": text}) for text in texts).encode()


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_truncated_file_keeps_the_rows_before_the_break(tmp_path: Path, ending: str, packing: str) -> None:
    data = PACK[packing](written(ending, 10_000))
    path = tmp_path / f"cut.{ending}.{packing}"
    path.write_bytes(data[: len(data) * 3 // 4])
    *rows, last = read([path])
    assert 4_000 < len(ids(rows)) == len(rows)
    assert isinstance(last, BadRow)
    assert last.line == rows[-1].line + 1
    assert "the file broke off here: its " in last.reason
    assert "data is truncated" in last.reason


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_a_damaged_file_keeps_the_rows_before_the_damage(tmp_path: Path, packing: str) -> None:
    data = bytearray(PACK[packing](written("jsonl", 10_000)))
    data[len(data) * 3 // 4 :] = b"\xff" * (len(data) // 4)
    path = tmp_path / f"bad.jsonl.{packing}"
    path.write_bytes(data)
    *rows, last = read([path])
    assert len(ids(rows)) > 4_000
    assert isinstance(last, BadRow)
    assert "the file broke off here: its " in last.reason


def test_a_broken_file_does_not_stop_the_next_one(tmp_path: Path) -> None:
    broken, good = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl"
    broken.write_bytes(gzip.compress(LINES)[:-10])
    good.write_bytes(LINES)
    rows = read([broken, good])
    assert [row.source for row in rows if isinstance(row, BadRow)] == [0]
    assert ids(rows)[-5_000:] == IDS
