"""What a program gives: files are told from rows."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from qwenq.actions.request import JobRequest
from qwenq.api.given import check_options, given
from qwenq.schemas.errors import InvalidParameter


@pytest.mark.parametrize(
    ("documents", "files"),
    [
        ("a.csv", ["a.csv"]),
        (Path("a.csv"), ["a.csv"]),
        (["a.csv", Path("b")], ["a.csv", "b"]),
        ((name for name in ("a", "b")), ["a", "b"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_names_are_files(documents: Any, files: list[str]) -> None:
    found = given(documents)
    assert (found.files, found.rows) == (files, None)


@pytest.mark.parametrize("kind", [list, tuple, iter], ids=lambda kind: kind.__name__)
def test_dicts_are_rows_and_none_is_lost(kind: Any) -> None:
    rows = [{"text": "a"}, OrderedDict(text="b")]
    found = given(kind(rows))
    assert (list(found.rows), found.files) == (rows, ["rows"])


class Series(list[str]):
    """As a column of a DataFrame."""

    def to_frame(self) -> None:
        """Make a DataFrame."""


@pytest.mark.parametrize(
    "documents",
    [[], iter(()), {"text": "a"}, b"a.csv", 7, [7], ["a.csv", {"text": "a"}], Series(["a"])],
    ids=lambda value: type(value).__name__,
)
def test_what_is_neither_is_refused_with_advice(documents: Any) -> None:
    with pytest.raises(InvalidParameter, match=r"documents: .*give (names of files|files, or rows|series)"):
        given(documents)


def test_an_option_of_files_is_refused_with_rows() -> None:
    with pytest.raises(InvalidParameter, match="sheet: it says how files are read, and rows were given"):
        check_options(JobRequest(files=["rows"], sheet="Sheet 1"))
    check_options(JobRequest(files=["rows"], name="mine"))
