"""Document files that the reader process gets together: the one at fault fails alone, and order stays."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.producer.reading import read_rows
from qwenq.producer.reading.documents.files import BATCH_BYTES, BATCH_FILES
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.sources.access import Bounds
from qwenq.producer.reading.sources.bounded import KeptFolder
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.hostile.archives import word
from tests.hostile.cases import CASES
from tests.made_files import docx_of, pdf_of


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all requests to reader processes."""
    sizes: list[int] = []
    begin = ConfinedProcess.begin

    def noted(self: ConfinedProcess, request: bytes, *given: object, **named: object) -> Iterator[bytes]:
        sizes.append(len(request))
        return begin(self, request, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ConfinedProcess, "begin", noted)
    return sizes


def rows_of(folder: Path) -> list[Row]:
    return list(read_rows([str(folder)], None, PromptSpec(), GenerationParams()))


def test_small_files_go_together_and_their_rows_keep_the_order_of_names(
    tmp_path: Path, requests: list[int]
) -> None:
    count = 2 * BATCH_FILES + 10
    for number in range(count):
        kind, content = [
            ("txt", b"text %d" % number),
            ("pdf", pdf_of(f"text {number}")),
            ("docx", docx_of(f"text {number}")),
        ][number % 3]
        (tmp_path / f"{number:03}.{kind}").write_bytes(content)
    rows = rows_of(tmp_path)
    assert len(requests) == 3
    assert [row.line for row in rows] == list(range(1, count + 1))
    for number, row in enumerate(rows):
        assert not isinstance(row, BadRow)
        assert f'"text {number}"' in row.content


def test_a_large_file_goes_alone(tmp_path: Path, requests: list[int]) -> None:
    for name in "abc":
        (tmp_path / f"{name}.html").write_bytes(b"<p>small")
    (tmp_path / "b1.html").write_bytes(b"<p>large" + b" " * BATCH_BYTES)
    assert not any(isinstance(row, BadRow) for row in rows_of(tmp_path))
    assert [size > BATCH_BYTES for size in requests] == [False, True, False]


@pytest.mark.parametrize("name", ["xobject_lol.pdf", "q_nest.pdf"])
def test_of_files_that_go_together_only_those_at_fault_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("QWENQ_READ_SECONDS", "3")
    monkeypatch.setenv("QWENQ_READ_MEMORY_BYTES", str(400 << 20))
    for number in range(12):
        (tmp_path / f"{number:02}.pdf").write_bytes(CASES[name]() if number in (4, 5) else pdf_of("good"))
    bad = [row for row in rows_of(tmp_path) if isinstance(row, BadRow)]
    assert [row.line for row in bad] == [5, 6]
    assert all("QWENQ_READ_" in row.reason for row in bad)


def test_a_lack_of_memory_is_called_so_and_a_damaged_file_after_it_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENQ_READ_MEMORY_BYTES", str(256 << 20))
    (tmp_path / "a.docx").write_bytes(word(["<w:p/>" * (1 << 20)] * 4))
    (tmp_path / "b.docx").write_bytes(word(["<w:p>"]))
    (tmp_path / "c.docx").write_bytes(docx_of("good"))
    large, damaged, good = rows_of(tmp_path)
    assert isinstance(large, BadRow)
    assert "needed more than 256 MiB of memory" in large.reason
    assert isinstance(damaged, BadRow)
    assert "it is damaged" in damaged.reason
    assert not isinstance(good, BadRow)


def test_a_damaged_spreadsheet_after_a_large_document_is_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENQ_READ_MEMORY_BYTES", str(256 << 20))
    (tmp_path / "a.docx").write_bytes(word(["<w:p/>" * 550_000]))
    (tmp_path / "b.xlsx").write_bytes(b"PK\3\4 no spreadsheet")
    reasons = [row.reason for row in rows_of(tmp_path) if isinstance(row, BadRow)]
    assert any("it is not a spreadsheet (.xlsx), or damaged" in reason for reason in reasons)


def test_a_child_that_answers_nonsense_fails_the_document_it_was_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (tmp_path / f"{name}.html").write_bytes(b"<p>good")
    begin = ConfinedProcess.begin
    answers = [b"no JSON", b"[]", b'{"text": 1']

    def forged(self: ConfinedProcess, request: bytes, *given: object, **named: object) -> Iterator[bytes]:
        pieces = begin(self, request, *given, **named)  # type: ignore[arg-type]
        yield next(pieces)
        yield from answers
        yield from pieces

    monkeypatch.setattr(ConfinedProcess, "begin", forged)
    rows = rows_of(tmp_path)
    assert [row.line for row in rows] == [1, 2, 3]
    assert not isinstance(rows[0], BadRow)


def test_a_reader_is_free_again_after_a_batch(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.html").write_bytes(b"<p>good")
    with ReaderProcess() as reader:
        for _ in range(2):
            list(read_rows([str(tmp_path)], None, PromptSpec(), GenerationParams(), reader=reader))
        assert len(reader._all) == 1


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.txt").write_bytes(b"inside")
    (tmp_path / "secret").write_bytes(b"secret")
    return tmp_path / "inbox"


def test_a_kept_folder_reads_files_and_follows_no_link(inbox: Path) -> None:
    (inbox / "link.txt").symlink_to("../secret")
    (inbox / "folder").mkdir()
    os.mkfifo(inbox / "pipe.txt")
    bounds = Bounds((os.path.realpath(inbox),), "")
    with KeptFolder() as folder:
        read = {
            name: folder.read(f"{inbox}/{name}", bounds)
            for name in ("a.txt", "folder", "link.txt", "pipe.txt")
        }
        assert folder.read(f"{inbox}/none", bounds) is None
    assert read == {"a.txt": b"inside", "folder": None, "link.txt": None, "pipe.txt": None}


def test_a_kept_folder_outside_of_the_bounds_reads_nothing(inbox: Path) -> None:
    bounds = Bounds((os.path.realpath(inbox),), "")
    (inbox / "out").symlink_to("..")
    with KeptFolder() as folder:
        assert folder.read(f"{inbox}/out/secret", bounds) is None
        assert folder.read(f"{inbox}/../secret", bounds) is None


def test_a_folder_that_a_link_replaces_is_not_followed(inbox: Path) -> None:
    bounds = Bounds((os.path.realpath(inbox),), "")
    with KeptFolder() as folder:
        assert folder.read(f"{inbox}/a.txt", bounds) == b"inside"
        other = inbox.parent / "other"
        other.mkdir()
        (other / "a.txt").write_bytes(b"secret")
        inbox.rename(inbox.parent / "moved")
        inbox.symlink_to(other)
        assert folder.read(f"{inbox}/a.txt", bounds) == b"inside"


def test_a_large_file_is_left_to_reading_in_blocks(inbox: Path) -> None:
    (inbox / "large.txt").write_bytes(b"x" * (BATCH_BYTES + 1))
    (inbox / "empty.txt").write_bytes(b"")
    bounds = Bounds((os.path.realpath(inbox),), "")
    with KeptFolder() as folder:
        assert folder.read(f"{inbox}/large.txt", bounds) is None
        assert folder.read(f"{inbox}/empty.txt", bounds) == b""
