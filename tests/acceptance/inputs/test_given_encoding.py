"""The encoding that a person gives for texts and web pages."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from qwenq.producer.reading import read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.table_options import TableOptions


def row_of(path: Path, encoding: str | None, tell: Callable[[str], object] | None = None) -> Row:
    tables = TableOptions(encoding=encoding)
    [row] = read_rows([str(path)], None, PromptSpec(), GenerationParams(), tables=tables, tell=tell)
    return row


def text_of(row: Row) -> str:
    assert isinstance(row, Document), row
    return str(orjson.loads(row.content)["text"])


SHORT = "Łódź: żółw"
PAGE = '<meta charset="iso-8859-1"><p>'


@pytest.mark.parametrize(
    ("name", "data", "encoding", "text", "note"),
    [
        ("a.txt", SHORT.encode("cp1250"), "cp1250", SHORT, None),
        ("a.md", SHORT.encode("utf-16-le"), "utf-16-le", SHORT, None),
        ("a.txt", "文字化け".encode("cp932"), "shift_jis", "文字化け", None),
        ("a.txt", "abc".encode("iso2022_jp") + "漢字".encode("iso2022_jp"), "iso2022_jp", "abc漢字", None),
        ("a.html", (PAGE + SHORT).encode("cp1250"), "cp1250", SHORT, None),
        ("a.html", (PAGE + "naïve").encode("cp850"), "cp850", "naïve", None),
        ("a.txt", SHORT.encode(), "utf-8", SHORT, None),
        ("a.txt", SHORT.encode(), "cp1250", SHORT, "in spite of --encoding"),
        ("a.txt", SHORT.encode("utf-16"), "cp1250", SHORT, "in spite of --encoding"),
        ("a.html", (PAGE + SHORT).encode(), "cp1250", SHORT, "in spite of --encoding"),
        ("a.txt", b"ASCII", "utf-16", "ASCII", None),
    ],
)
def test_the_given_encoding_wins_unless_a_file_is_surely_unicode(
    tmp_path: Path, name: str, data: bytes, encoding: str, text: str, note: str | None
) -> None:
    (tmp_path / name).write_bytes(data)
    notes: list[str] = []
    assert text_of(row_of(tmp_path / name, encoding, notes.append)) == text
    assert (note or "") in "".join(notes)
    assert bool(notes) == bool(note)


def test_the_advice_about_an_unsure_text_leads_to_the_right_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(SHORT.encode("cp1250"))
    row = row_of(tmp_path / "a.txt", None)
    assert isinstance(row, BadRow)
    assert "give it with --encoding" in row.reason


def test_a_text_that_is_not_in_the_given_encoding_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    row = row_of(tmp_path, "utf-8")
    assert isinstance(row, BadRow)
    assert "it is not utf-8; leave out --encoding" in row.reason
