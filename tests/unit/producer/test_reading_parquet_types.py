"""Parquet: times of any zone and unit, and other types that JSON lacks."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from qwenq.producer.reading import read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import write_parquet
from tests.readers import shared_reader

NANOSECONDS = 1_700_000_000_123_456_789
IN_UTC = "2023-11-14T22:13:20.123456+00:00"


def read(path: Path, told: list[str] | None = None) -> list[Row]:
    prompt = PromptSpec(template="{{ row }}")
    tell = None if told is None else told.append
    return list(read_rows([str(path)], None, prompt, GenerationParams(), tell=tell, reader=shared_reader()))


def one(folder: Path, column: Any) -> Any:
    """The value of a column's only row."""
    (row,) = read(write_parquet(folder / "a.parquet", {"at": column}))
    assert isinstance(row, Document), row
    return orjson.loads(row.content)["at"]


@pytest.mark.parametrize(
    "zone", ["tzutc()", "W. Europe Standard Time", "CEST", "UTC+01:00", "Mars/Phobos", "é\n"]
)
@pytest.mark.parametrize("unit", ["ns", "s"])
def test_a_time_in_an_unknown_zone_is_in_utc_and_told(tmp_path: Path, zone: str, unit: str) -> None:
    value = NANOSECONDS if unit == "ns" else NANOSECONDS // 10**9
    told: list[str] = []
    path = write_parquet(tmp_path / "a.parquet", {"at": pa.array([value], pa.timestamp(unit, zone))})
    (row,) = read(path, told)
    assert isinstance(row, Document)
    assert orjson.loads(row.content)["at"] == (IN_UTC if unit == "ns" else "2023-11-14T22:13:20+00:00")
    (note,) = told
    assert f"column 'at': its time zone {zone!r} is unknown here" in note


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("UTC", IN_UTC),
        ("+05:30", "2023-11-15T03:43:20.123456+05:30"),
        ("Europe/Berlin", "2023-11-14T23:13:20.123456+01:00"),
    ],
)
def test_a_time_in_a_known_zone_keeps_it(tmp_path: Path, zone: str, shown: str) -> None:
    assert one(tmp_path, pa.array([NANOSECONDS], pa.timestamp("ns", zone))) == shown


def test_nanoseconds_are_cut_also_inside_of_other_types(tmp_path: Path) -> None:
    at = pa.timestamp("ns", "tzutc()")
    for kind, value, shown in (
        (pa.time64("ns"), 1_500, "00:00:00.000001"),
        (pa.duration("ns"), 1_500, "0:00:00.000001"),
        (pa.list_(at), [NANOSECONDS, None], [IN_UTC, None]),
        (pa.large_list(pa.list_(at)), [[NANOSECONDS]], [[IN_UTC]]),
        (pa.list_(at, 1), [NANOSECONDS], [IN_UTC]),
        (
            pa.struct([("a", at), ("b", pa.duration("ns"))]),
            {"a": NANOSECONDS, "b": 1},
            {"a": IN_UTC, "b": "0:00:00"},
        ),
        (pa.map_(pa.string(), at), [("k", NANOSECONDS)], [["k", IN_UTC]]),
    ):
        assert one(tmp_path, pa.array([value], kind)) == shown


def test_int96_times_beyond_nanoseconds_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    times = pa.table({"at": pa.array([253_402_300_799], pa.timestamp("s"))})
    parquet.write_table(times, path, use_deprecated_int96_timestamps=True)
    (row,) = read(path)
    assert isinstance(row, Document)
    assert orjson.loads(row.content) == {"at": "9999-12-31T23:59:59"}


def test_a_time_that_python_lacks_is_a_bad_row_that_names_the_column(tmp_path: Path) -> None:
    times = pa.array([0, 2**62, 1], pa.timestamp("us"))
    first, bad, last = read(write_parquet(tmp_path / "a.parquet", {"text": ["x"] * 3, "at": times}))
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(bad, BadRow)
    assert bad.reason.startswith("the column 'at' cannot be read: ")


def test_other_types_read_as_people_write_them(tmp_path: Path) -> None:
    for column, shown in (
        (pa.array([Decimal("12.50")]), "12.50"),
        (pa.array([1.5], pa.float16()), 1.5),
        (pa.array([0.1], pa.float32()), 0.1),
        (
            pa.array([[{"a": [0.7, None]}]], pa.list_(pa.struct([("a", pa.list_(pa.float32()))]))),
            [{"a": [0.7, None]}],
        ),
        (pa.array([b"\0" * 15 + b"\1"], pa.uuid()), "00000000-0000-0000-0000-000000000001"),
        (pa.array(['{"a":1}'], pa.json_()), '{"a":1}'),
        (pa.array(["x"]).dictionary_encode(), "x"),
        (pa.array([2**64 - 1], pa.uint64()), 2**64 - 1),
        (pa.array([[{"a": [1, None]}]]), [{"a": [1, None]}]),
    ):
        assert one(tmp_path, column) == shown


def test_a_page_with_a_wrong_checksum_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"The contract begins on {n} May." for n in range(100)]})
    parquet.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    path.write_bytes(path.read_bytes().replace(b"on 57 May", b"on 58 May"))
    rows = read(path)
    assert isinstance(rows[-1], BadRow)
    assert "CRC checksum" in rows[-1].reason
