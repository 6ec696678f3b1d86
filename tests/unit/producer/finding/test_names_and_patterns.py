"""Names, patterns and folders become files in a stable order, and no file is lost."""

import os
import socket
from pathlib import Path

import pytest

from qwenq.schemas.documents import BadRow
from qwenq.schemas.errors import (
    NothingFound,
    TooManyInputs,
    UnreadableInput,
    UsageError,
)
from tests.unit.producer.finding.inbox import WHOLE, bad_rows, fill, ids, rows_of


def test_a_folder_is_read_with_its_subfolders(inbox: Path) -> None:
    assert ids(inbox) == WHOLE
    assert ids(f"{inbox}/") == WHOLE


def test_files_of_rows_are_named_one_by_one_and_documents_by_their_folder(inbox: Path) -> None:
    rows = rows_of(inbox)
    assert rows.sources == (f"{inbox}/a.csv", f"{inbox}/b.csv", f"{inbox}/deep/c.jsonl", str(inbox))
    assert [(row.source, row.line) for row in rows] == [(0, 2), (1, 2), (2, 1), (3, 1), (3, 2)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.csv", ["a.csv:2", "b.csv:2"]),
        ("[b-z].csv", ["b.csv:2"]),
        ("*", WHOLE),
        ("**", WHOLE),
        ("d*p/*.jsonl", ["deep/c.jsonl:1"]),
        ("**/*.txt", ["deep/er/d.txt"]),
        ("deep/*", ["c.jsonl:1", "er/d.txt"]),
    ],
)
def test_a_pattern_gives_its_files_in_order(inbox: Path, bucket: str, pattern: str, found: list[str]) -> None:
    assert ids(f"{inbox}/{pattern}") == found
    assert ids(f"{bucket}/{pattern}") == found


def test_a_pattern_is_looked_up_from_the_working_folder(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inbox)
    assert ids("*.csv") == ["a.csv:2", "b.csv:2"]
    assert ids(".") == WHOLE


def test_several_names_keep_their_order_and_ids_tell_them_apart(inbox: Path) -> None:
    other = fill(inbox.with_name("other"))
    found = ids(f"{other}/*.csv", inbox / "e.md", f"{inbox}/deep")
    assert found == [
        f"{other}/a.csv:2", f"{other}/b.csv:2", f"{inbox}/e.md", f"{inbox}/deep/c.jsonl:1", f"{inbox}/deep/er/d.txt",
    ]  # fmt: skip


def test_a_file_named_alone_has_short_ids(inbox: Path) -> None:
    assert ids(inbox / "a.csv") == ["2"]
    assert ids(inbox / "deep/er/d.txt") == ["d.txt"]


def test_a_file_whose_name_looks_like_a_pattern_is_read(tmp_path: Path) -> None:
    (tmp_path / "a[1].csv").write_text("text\nx\n")
    assert ids(tmp_path / "a[1].csv") == ["2"]


@pytest.mark.parametrize("name", ["*.parquet", "[x]/*.csv", "empty"])
def test_a_name_without_a_file_is_refused(inbox: Path, bucket: str, name: str) -> None:
    (inbox / "empty").mkdir()
    (inbox / "empty" / ".hidden").write_text("x")
    with pytest.raises(NothingFound) as caught:
        rows_of(inbox / "a.csv", inbox / name)
    assert caught.value.source == f"{inbox}/{name}"
    if name != "empty":
        with pytest.raises(NothingFound, match="s3://bucket/inbox/"):
            rows_of(f"{bucket}/{name}")


def test_an_unreadable_file_stops_the_others_only_if_it_was_named(inbox: Path) -> None:
    (inbox / "0.xlsx").write_bytes(b"no sheet")
    (inbox / "a1.csv").write_text("body\nx\n")
    bad = [row for row in rows_of(inbox) if isinstance(row, BadRow)]
    assert [(row.source, row.raw.rpartition("/")[2], row.code) for row in bad] == [
        (0, "0.xlsx", "unreadable_document"), (2, "a1.csv", "unreadable_document"),
    ]  # fmt: skip
    assert bad[1].reason == "it has no column 'text'; it has: body"
    assert ids(inbox) == WHOLE
    for name in ("0.xlsx", "a1.csv"):
        with pytest.raises(UsageError, match=name):
            rows_of(inbox, inbox / name)


@pytest.mark.parametrize("form", ["txt", "jsonl", "csv", "parquet"])
def test_pipes_sockets_and_broken_links_in_a_folder_are_bad_rows_with_their_names(
    inbox: Path, form: str
) -> None:
    os.mkfifo(inbox / f"pipe.{form}")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(inbox / f"socket.{form}"))
    (inbox / f"gone.{form}").symlink_to(inbox / "nowhere")
    assert bad_rows(inbox) == {
        f"pipe.{form}": "it is a pipe, not a file",
        f"socket.{form}": "it is a socket, not a file",
        f"gone.{form}": "no such file or directory",
    }
    assert ids(inbox) == WHOLE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_refused_if_named_and_else_a_bad_row(inbox: Path) -> None:
    (inbox / "deep").chmod(0)
    try:
        with pytest.raises(UnreadableInput, match="permission denied"):
            rows_of(inbox / "deep")
        assert list(bad_rows(inbox)) == ["deep"]
    finally:
        (inbox / "deep").chmod(0o755)


def test_too_many_inputs_are_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.producer.reading.inputs.MOST_INPUTS", 3)
    with pytest.raises(TooManyInputs, match="There are 4 inputs; a job takes at most 3"):
        rows_of(inbox)
