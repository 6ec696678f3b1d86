"""Links lead out of folders and of the allowed roots only where that is allowed."""

from pathlib import Path

import pytest

from qwenq.producer.reading import Access, read_rows
from qwenq.schemas.documents import Document
from qwenq.schemas.errors import (
    OutsideRoots,
)
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.unit.producer.finding.inbox import WHOLE, bad_rows, ids, rows_of


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
