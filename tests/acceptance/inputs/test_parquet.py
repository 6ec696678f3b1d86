"""Parquet as people have it: each case by its id in docs/internals/input-cases.md."""

import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.commands import qwenq_here
from tests.made_files import write_parquet


def dry_run(path: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    return qwenq_here("run", path.name, "--model", "echo", "--dry-run", *options, cwd=path.parent)


def write(folder: Path, **columns: Any) -> Path:
    return write_parquet(folder / "a.parquet", columns, compression="zstd")


def test_p1_a_time_zone_that_is_unknown_here(tmp_path: Path) -> None:
    for zone in ("tzutc()", "W. Europe Standard Time", "CEST"):
        path = write(tmp_path, text=["x"], at=pa.array([1], pa.timestamp("us", zone)))
        seen = dry_run(path, "--prompt", "{{ text }} {{ at }}")
        assert seen.returncode == 0
        assert "x 1970-01-01T00:00:00.000001+00:00" in seen.stdout


def test_p2_rows_that_share_a_long_text(tmp_path: Path) -> None:
    # Put together by hand: to find the one text of 200 long ones takes 20 s.
    context = pa.DictionaryArray.from_arrays(pa.array([0] * 200, pa.int32()), ["x" * (6 << 20)])
    path = write(tmp_path, id=[f"q{n}" for n in range(200)], context=context, text=["A question?"] * 200)
    seen = dry_run(path, "--prompt", "{{ text }}")
    assert seen.returncode == 0
    assert "200 documents, 0 bad rows" in seen.stdout


def test_p4_a_binary_column_beside_the_text(tmp_path: Path) -> None:
    path = write(tmp_path, text=["x", "y"], image=[b"\xff\xd8\0", b"\xff\xd8\1"])
    for options in ((), ("--prompt", "{{ row }}"), ("--columns", "text"), ("--columns", "all")):
        seen = dry_run(path, *options)
        assert "2 documents, 0 bad rows" in seen.stdout
    named = dry_run(path, "--prompt", "{{ image }}")
    assert named.returncode == 2
    assert "the column 'image' cannot be read: it is binary, and not text in UTF-8" in named.stderr


def test_p5_nanoseconds_are_cut(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        text=["x"],
        at=pa.array([1_500], pa.time64("ns")),
        took=pa.array([1_500], pa.duration("ns")),
        seen=pa.array([[1_500]], pa.list_(pa.timestamp("ns"))),
    )
    seen = dry_run(path, "--prompt", "{{ at }} {{ took }} {{ seen[0] }}")
    assert "00:00:00.000001 0:00:00.000001 1970-01-01T00:00:00.000001" in seen.stdout


def test_j11_an_id_of_1_0_is_1(tmp_path: Path) -> None:
    seen = dry_run(write(tmp_path, id=[1.0, 2.0, None], text=["x", "y", "z"]))
    assert "3 documents, 0 bad rows" in seen.stdout
    assert "── 1 (line 1)" in seen.stdout
    assert "── 2 (line 2)" in seen.stdout


def test_p10_conversations_need_no_text(tmp_path: Path) -> None:
    messages = [
        [{"role": "user", "content": "Hi", "name": None}],
        [{"role": "system", "content": "Be brief"}],
    ]
    done = dry_run(write(tmp_path, id=["a", "b"], messages=messages))
    assert (done.returncode, done.stdout.count("[user]\nHi"), done.stdout.count("[system]\nBe brief")) == (
        0,
        1,
        1,
    )


def test_columns_are_named_with_commas_between_them(tmp_path: Path) -> None:
    path = write(tmp_path, id=["a"], text=["x"], party=["Acme"], pages=[3])
    seen = dry_run(path, "--columns", "party, pages", "--prompt", "{{ row | tojson }}")
    assert '"party"' in seen.stdout
    assert '"pages"' in seen.stdout
    assert '"text"' not in seen.stdout
    assert dry_run(path, "--columns", "party,").returncode == 2
    assert "no column 'price'" in dry_run(path, "--columns", "price").stderr


def test_numbers_that_json_lacks_are_null_and_told(tmp_path: Path) -> None:
    nan, infinity = float("nan"), float("inf")
    path = write(
        tmp_path,
        text=["x", "y", "z"],
        price=pa.array([nan, 1.5, None]),
        half=pa.array([1, infinity, 2], pa.float16()),
        lists=pa.array([[nan, 1.0], None, [-infinity]]),
        structs=pa.array([{"a": nan}, None, {"a": None}], pa.struct([("a", pa.float32())])),
        fine=[1.0, 2.0, 3.0],
    )
    seen = dry_run(
        path, "--prompt", "{{ row.price }}{{ row.half }}|{{ row.lists | tojson }}|{{ row.structs | tojson }}"
    )
    assert '|[null, 1.0]|{"a": null}' in seen.stdout
    assert (
        "NaN or Infinity, which JSON does not have, was read as null "
        "(5 values in price, lists, structs, half)" in seen.stderr
    )
    assert "NaN" not in dry_run(path, "--prompt", "{{ fine }}").stderr
