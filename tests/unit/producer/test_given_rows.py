"""Rows that a program gives: what becomes of their values, and DataFrames by what they can do."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qwenq.producer.given_rows import is_frame, read_given
from qwenq.producer.opening import open_rows
from qwenq.producer.reading.rules import RowRules
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidParameter, NoGoodRow, UnknownColumn
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, PromptSpec


class NAType:
    """As pandas' NA: it refuses to be compared."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = None  # type: ignore[assignment]


class NaTType(dt.datetime):
    """As pandas' NaT: it has a date's methods."""


class PandasFrame:
    """What qwenq uses of a DataFrame of pandas."""

    columns = ("id", "text", 3, "share")
    dtypes = ("str", "str", "object", "float32")

    def itertuples(self, *, index: bool, name: None) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples."""
        assert (index, name) == (False, None)
        yield ("a", "one", np.int64(4), float(np.float32(0.1)))
        yield ("b", "two", float("nan"), float("nan"))


class PolarsFrame:
    """What qwenq uses of a DataFrame of polars."""

    columns: tuple[str, ...] = ("id", "text")
    dtypes = ("String", "String")

    def iter_rows(self) -> Iterator[tuple[str, str]]:
        """The rows as tuples."""
        yield ("a", "one")


class IndexedFrame(PolarsFrame):
    """A DataFrame of pandas whose index has a name."""

    class index:  # noqa: N801 - pandas' name
        """Its index."""

        names = ("id",)

    columns = ("text",)

    def reset_index(self) -> PolarsFrame:
        """The same with the index as a column."""
        return PolarsFrame()


class Period:
    """As pandas' span of time."""

    def __str__(self) -> str:
        return "2026-01"


def read(given: Any, **prompt: Any) -> list[Row]:
    return list(read_given(given, RowRules(PromptSpec(**prompt), GenerationParams())))


def read_values(value: Any) -> list[Any]:
    """The value as it is read alone, and beside a number that one of the two writers of JSON does not know."""
    rows = read([{"text": "t", "value": value}, {"text": "t", "value": value, "large": 2**70}])
    return [json.loads(row.content)["value"] for row in rows if isinstance(row, Document)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**70, 2**70),
        (1.5, 1.5),
        (float("nan"), None),
        (NAType(), None),
        (NaTType(2026, 1, 2), None),
        (np.float32("nan"), None),
        (np.int16(7), 7),
        (np.float32(0.1), 0.1),
        (np.longdouble(0.25), 0.25),
        (np.timedelta64(5 * 10**9, "ns"), "0:00:05"),
        (np.array([5 * 10**9], "m8[ns]"), ["0:00:05"]),
        (np.datetime64("2026-01-02T03:04", "ns"), "2026-01-02T03:04:00"),
        (Period(), "2026-01"),
        (np.bool_(True), True),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),
        (np.array([1, 2]), [1, 2]),
        ([1, ("a", {"b": 2})], [1, ["a", {"b": 2}]]),
        ({1: "a"}, {"1": "a"}),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        (dt.timedelta(hours=1), "1:00:00"),
        (Decimal("1.10"), "1.10"),
        (uuid.UUID(int=5), str(uuid.UUID(int=5))),
        (Path("a/b"), "a/b"),
        ("naïve 😀".encode(), "naïve 😀"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_becomes_what_json_has_for_it(value: Any, expected: Any) -> None:
    assert read_values(value) == [expected, expected]


@pytest.mark.parametrize(
    "value", [object(), {1, 2}, b"\xff", "\ud800", 1j], ids=lambda value: type(value).__name__
)
def test_a_value_that_json_lacks_makes_its_row_a_bad_row_and_no_other(value: Any) -> None:
    bad, good = read([{"id": 7, "text": "t", "value": value}, {"text": "t"}])
    assert isinstance(bad, BadRow)
    assert "cannot be written as JSON" in bad.reason
    assert (bad.line, bad.custom_id) == (1, "7")
    assert isinstance(good, Document)


def test_columns_of_one_name_lose_nothing_in_silence() -> None:
    (bad,) = read([{1: "a", "1": "b", "text": "t"}])
    assert isinstance(bad, BadRow)
    assert bad.reason == "two of its columns are called '1'"
    frame = PolarsFrame()
    frame.columns = ("text", "text")
    with pytest.raises(InvalidParameter, match="the DataFrame has two columns 'text'; rename or drop one of"):
        read(frame)


def test_rows_get_their_own_ids_or_their_numbers() -> None:
    rows = read([{"text": "a"}, {"id": "x", "text": "b"}, {"custom_id": 9, "text": "c"}])
    assert [row.custom_id for row in rows] == ["1", "x", "9"]
    assert [row.line for row in rows] == [1, 2, 3]


def test_what_is_no_row_is_a_bad_row_with_its_number() -> None:
    (_, bad) = read([{"text": "a"}, "b"])
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.reason) == (2, "it is a str; a row is a dict of columns, such as {'text': 'Hello'}")


@pytest.mark.parametrize(
    ("frame", "contents"),
    [
        (
            PandasFrame(),
            [
                {"id": "a", "text": "one", "3": 4, "share": 0.1},
                {"id": "b", "text": "two", "3": None, "share": None},
            ],
        ),
        (PolarsFrame(), [{"id": "a", "text": "one"}]),
        (IndexedFrame(), [{"id": "a", "text": "one"}]),
    ],
)
def test_a_data_frame_is_read_row_by_row(frame: Any, contents: list[dict[str, Any]]) -> None:
    assert is_frame(frame)
    rows = read(frame)
    assert [json.loads(row.content) for row in rows if isinstance(row, Document)] == contents


@pytest.mark.parametrize("given", [[], {}, "a.csv", iter(())], ids=lambda value: type(value).__name__)
def test_other_inputs_are_no_data_frames(given: Any) -> None:
    assert not is_frame(given)


def test_rows_are_read_one_at_a_time() -> None:
    taken: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(1_000_000):
            taken.append(number)
            yield {"text": "t"}

    _, opened = open_rows(JobSpec(model="m"), rows())
    assert len(taken) < 1_000
    next(opened)


def test_rows_are_checked_as_files_are() -> None:
    with pytest.raises(UnknownColumn, match=r"^rows has no column 'titel'"):
        open_rows(JobSpec(model="m", prompt=PromptSpec(template="{{ titel }}")), [{"text": "t"}])
    with pytest.raises(NoGoodRow, match="there is no column 'text'; it has: body"):
        open_rows(JobSpec(model="m"), [{"body": "t"}])
