"""Names, patterns, folders and URLs become files in a stable order, and no file is lost."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.producer.reading import Access, Rows, read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import (
    MissingExtra,
    NothingFound,
    OutsideRoots,
    TooManyInputs,
    UnknownProtocol,
    UnreadableInput,
    UsageError,
)
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.buckets import buckets

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
    with buckets() as store:
        store.put(f"{inbox}/", "/bucket/inbox/", recursive=True)
        yield "s3://bucket/inbox"


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


def bad_rows(name: str | Path) -> dict[str, str]:
    """The bad rows of a folder by the path below it, each with its reason."""
    bad = [row for row in rows_of(name) if isinstance(row, BadRow)]
    below = [row.raw.removeprefix(str(name).rstrip("*").removeprefix("file://")).lstrip("/") for row in bad]
    return dict(zip(below, (row.reason.rpartition(": ")[2] for row in bad), strict=True))


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


def test_links_out_of_a_folder_are_bad_rows_unless_they_are_to_be_followed(
    inbox: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f.txt").write_text("f")
    (inbox / "link.txt").symlink_to(tmp_path / "secret.txt")
    (inbox / "through.txt").symlink_to(inbox / "deep" / ".." / ".." / "secret.txt")
    (inbox / "inside.txt").symlink_to("deep/er/d.txt")
    (inbox / "folder.txt").symlink_to(tmp_path / "elsewhere")
    (inbox / "again").symlink_to("deep")
    for name in (inbox, f"{inbox}/*", f"{inbox}/**", f"file://{inbox}"):
        refused = bad_rows(name)
        assert list(refused) == ["folder.txt", "link.txt", "through.txt"]
        assert all("leads out of" in reason and "--follow-links" in reason for reason in refused.values())
        assert ids(name) == [*WHOLE, "inside.txt"]
    followed = read_rows(
        [str(inbox)], None, PromptSpec(), GenerationParams(), access=Access(follow_links=True)
    )
    found = [row.custom_id for row in followed if isinstance(row, Document)]
    assert {"link.txt", "through.txt", "folder.txt/f.txt"} < set(found)
    assert sum(name.endswith("d.txt") for name in found) == 1, "a folder is read once"


def test_a_link_that_is_named_itself_is_read(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to(inbox / "a.csv")
    (tmp_path / "linked").symlink_to(inbox)
    assert ids(tmp_path / "link.csv") == ["2"]
    assert ids(tmp_path / "linked") == WHOLE
    assert ids(f"{tmp_path}/linked/*.csv") == ["a.csv:2", "b.csv:2"]


def test_a_file_that_becomes_a_link_after_it_was_found_is_refused(inbox: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    rows = rows_of(inbox)
    (inbox / "e.md").unlink()
    (inbox / "e.md").symlink_to(tmp_path / "secret.txt")
    (inbox / "deep" / "er").rename(inbox / "deep" / "moved")
    (inbox / "deep" / "er").symlink_to(tmp_path)
    (tmp_path / "d.txt").write_text("secret")
    text = "".join(row.content for row in rows if isinstance(row, Document))
    assert "secret" not in text


def test_links_in_circles_are_listed_in_no_time(inbox: Path) -> None:
    for name in ("one", "two", "three"):
        (inbox / name).symlink_to(".")
        (inbox / "deep" / name).symlink_to("..")
    for where in (inbox, f"{inbox}/**", f"{inbox}/**/*", f"{inbox}/**/**/*.*"):
        assert ids(where) == WHOLE
    everything = Access(follow_links=True)
    for followed in (str(inbox), f"{inbox}/**/*"):
        rows = read_rows([followed], None, PromptSpec(), GenerationParams(), access=everything)
        assert sum(isinstance(row, Document) for row in rows) == len(WHOLE)


def test_inputs_must_lie_in_a_root(inbox: Path, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inbox)
    (inbox / "out.csv").symlink_to(tmp_path / "o.csv")
    (tmp_path / "o.csv").write_text("text\nx\n")
    access = Access(follow_links=True, roots=(str(tmp_path / "link"), bucket))

    def read(name: str) -> list[str]:
        rows = read_rows([name], None, PromptSpec(), GenerationParams(), access=access)
        return [row.custom_id if isinstance(row, Document) else row.reason for row in rows]

    for name in (f"{inbox}/a.csv", f"file://{inbox}/a.csv", f"{bucket}/a.csv", "s3a://bucket/inbox/a.csv"):
        assert read(name) == ["2"]
    for name in (f"{inbox}/*.csv", f"{bucket}/*.csv"):
        assert {"a.csv:2", "b.csv:2"} <= set(read(name))
    [refused] = [row for row in read(str(inbox)) if "outside" in row]
    assert "QWENQ_INPUT_ROOTS" in refused
    for name in (
        f"{tmp_path}/o.csv", f"{inbox}/../o.csv", f"{tmp_path}/*", f"{tmp_path}/in*/a.csv", f"{inbox}/out.csv",
        f"{inbox}x/a.csv", "s3://bucket/*", "s3://bucket/inbox/../other", "s3://bucket/inboxes/a.csv", "s3://other/a",
        "/etc/passwd",
    ):  # fmt: skip
        with pytest.raises(OutsideRoots, match="QWENQ_INPUT_ROOTS"):
            read(name)


@pytest.mark.parametrize(
    "name",
    [
        "http://127.0.0.1:9/a.csv", "reference://x.txt::/tmp/ref.json", "webhdfs://127.0.0.1:9/a.csv", "github://a:b@/c.csv",
        "zip://a.csv::file:///tmp/a.zip", "simplecache::s3://bucket/inbox/a.csv", "s3://bucket/x::file:///etc/passwd",
        "memory://a.csv", "local:///etc/passwd", "FTP://127.0.0.1/a.csv", "nothing://here/a.csv", "data://text,a",
    ],
)  # fmt: skip
def test_other_protocols_and_chains_are_refused(bucket: str, name: str) -> None:
    with pytest.raises(UnknownProtocol, match="s3://, s3a://, gs:// and gcs://"):
        rows_of(name)


def test_an_object_whose_name_looks_like_a_chain_is_a_bad_row(bucket: str) -> None:
    import fsspec

    fsspec.filesystem("s3").pipe("/bucket/inbox/x::file:/etc/passwd.txt", b"x")
    [(name, reason)] = bad_rows(bucket).items()
    assert name == "x::file:/etc/passwd.txt"
    assert "rename it" in reason


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_listed_is_refused_if_named_and_else_a_bad_row(inbox: Path) -> None:
    (inbox / "deep").chmod(0)
    try:
        with pytest.raises(UnreadableInput, match="permission denied"):
            rows_of(inbox / "deep")
        assert list(bad_rows(inbox)) == ["deep"]
    finally:
        (inbox / "deep").chmod(0o755)


def test_a_bucket_is_read_like_a_folder(bucket: str) -> None:
    assert ids(bucket) == WHOLE
    assert rows_of(f"{bucket}/*.csv").sources == (
        "s3://bucket/inbox/a.csv",
        "s3://bucket/inbox/b.csv",
    )
    assert ids(f"{bucket}/a.csv") == ["2"]


def test_a_file_url_is_read(inbox: Path) -> None:
    assert ids(f"file://{inbox}/*.csv") == ["a.csv:2", "b.csv:2"]
    assert ids(f"file://{inbox}") == WHOLE


def test_a_bucket_is_listed_anew_each_time(bucket: str) -> None:
    import fsspec

    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2"]
    fsspec.filesystem("s3").pipe("/bucket/inbox/c.csv", b"text\nc\n")
    assert ids(f"{bucket}/*.csv") == ["a.csv:2", "b.csv:2", "c.csv:2"]


def test_a_url_without_a_file_is_refused(bucket: str) -> None:
    with pytest.raises(UnreadableInput, match=r"nowhere\.csv cannot be read: no such file or folder"):
        rows_of(f"{bucket}/nowhere.csv")


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
