"""Names, patterns, folders and URLs become files in a stable order, and no file is lost."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.producer.reading import Rows, read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import MissingExtra, NothingFound, TooManyInputs, UnreadableInput, UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

FILES = {
    "b.csv": "text\nb\n",
    "a.csv": "text\na\n",
    "deep/c.jsonl": '{"text":"c"}\n',
    "deep/er/d.txt": "d",
    "e.md": "e",
    ".hidden.csv": "text\nhidden\n",
    ".git/f.csv": "text\nhidden\n",
    "~$lock.docx": "hidden",
    "Thumbs.db": "hidden",
}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder of files, some in subfolders, some hidden."""
    return fill(tmp_path / "inbox")


@pytest.fixture
def bucket(inbox: Path) -> Iterator[str]:
    """The same files, in memory, behind a URL."""
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.put(f"{inbox}/", "/bucket/inbox/", recursive=True)
    yield "memory://bucket/inbox"
    memory.rm("/bucket", recursive=True)


def fill(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def rows_of(*names: str | Path) -> Rows:
    return read_rows([str(name) for name in names], None, PromptSpec(), GenerationParams())


def ids(*names: str | Path) -> list[str]:
    return [row.custom_id for row in rows_of(*names) if isinstance(row, Document)]


WHOLE = ["a.csv:2", "b.csv:2", "deep/c.jsonl:1", "deep/er/d.txt", "e.md"]


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
        with pytest.raises(NothingFound, match="memory://bucket/inbox/"):
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


def test_pipes_are_skipped_and_broken_links_are_bad_rows(inbox: Path) -> None:
    os.mkfifo(inbox / "pipe.txt")
    (inbox / "gone.txt").symlink_to(inbox / "nowhere")
    bad = [row for row in rows_of(inbox) if not isinstance(row, Document)]
    assert [row.reason for row in bad] == ["gone.txt: no such file or directory"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_refused(inbox: Path) -> None:
    (inbox / "deep").chmod(0)
    try:
        with pytest.raises(UnreadableInput, match="permission denied"):
            rows_of(inbox)
    finally:
        (inbox / "deep").chmod(0o755)


def test_a_bucket_is_read_like_a_folder(bucket: str) -> None:
    assert ids(bucket) == WHOLE
    assert rows_of(f"{bucket}/*.csv").sources == (
        "memory:///bucket/inbox/a.csv",
        "memory:///bucket/inbox/b.csv",
    )
    assert ids(f"{bucket}/a.csv") == ["2"]


def test_a_file_url_is_read(inbox: Path) -> None:
    assert ids(f"file://{inbox}/*.csv") == ["a.csv:2", "b.csv:2"]
    assert ids(f"file://{inbox}") == WHOLE


def test_a_bucket_is_listed_anew_each_time(bucket: str) -> None:
    import fsspec

    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2"]
    fsspec.filesystem("memory").pipe("/bucket/inbox/c.csv", b"text\nc\n")
    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2", "c.csv:2"]


def test_a_url_without_a_file_is_refused(bucket: str) -> None:
    with pytest.raises(UnreadableInput, match=r"nowhere\.csv cannot be read: no such file or folder"):
        rows_of(f"{bucket}/nowhere.csv")
    with pytest.raises(UnreadableInput, match="Protocol not known"):
        rows_of("nothing://here/a.csv")


@pytest.mark.parametrize(("scheme", "module", "extra"), [("s3", "s3fs", "s3"), ("gs", "gcsfs", "gcs")])
def test_a_missing_package_of_an_object_store_names_the_extra(
    scheme: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=rf"pip install 'qwenq\[{extra}\]'"):
        rows_of(f"{scheme}://bucket/*.csv")


def test_too_many_inputs_are_refused(inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.producer.reading.inputs.MOST_INPUTS", 3)
    with pytest.raises(TooManyInputs, match="There are 4 inputs; a job takes at most 3"):
        rows_of(inbox)
