"""Files that are one document each: their text and columns; a bad file stops no other."""

import io
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.documents.plain import decoded
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import MissingExtra, UnknownKind, UnreadableDocument, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import docx_of, pdf_of
from tests.readers import shared_reader

POLISH = "Zażółć gęślą jaźń: umowa została zawarta w Łodzi, a strony ustaliły następujące warunki płatności."


def read(*paths: Path, **prompt: Any) -> list[Row]:
    return list(
        read_rows(
            [str(path) for path in paths],
            None,
            PromptSpec(**prompt),
            GenerationParams(),
            reader=shared_reader(),
        )
    )


def read_apart(path: Path) -> list[Row]:
    """Read it with a reader process of its own."""
    return list(read_rows([str(path)], None, PromptSpec(), GenerationParams()))


def content(row: Row) -> Any:
    assert isinstance(row, Document), row
    return orjson.loads(row.content)


def one(folder: Path, name: str, data: bytes) -> Row:
    """Read one file alone; returns its row."""
    (folder / name).write_bytes(data)
    (row,) = read(folder / name)
    return row


@pytest.mark.parametrize(
    ("name", "data", "text", "pages"),
    [
        ("a.txt", b"one\r\ntwo\n", "one\ntwo\n", None),
        ("a.MD", "# Täle\n".encode(), "# Täle\n", None),
        ("a.html", b"<title>T</title><p>one <b>two</b><script>bad()</script><td>x", "T\n\none two\n\nx", None),
        ("a.htm", b"<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a\tb\nc\td", None),
        ("a.pdf", pdf_of("The first page.", "The second,\nin two lines."),
         "The first page.\n\nThe second,\nin two lines.", 2),
        ("a.docx", docx_of("Contract", "It begins on 1 May.", table=[["sum", "12 <EUR>"], ["due", "June"]]),
         "Contract\n\nIt begins on 1 May.\n\nsum\t12 <EUR>\ndue\tJune", None),
    ],
)  # fmt: skip
def test_a_file_is_a_document_with_its_text_name_and_pages(
    tmp_path: Path, name: str, data: bytes, text: str, pages: int | None
) -> None:
    row = one(tmp_path, name, data)
    assert (row[0], row.line) == (name, 1)
    assert content(row) == {"text": text, "file": name, "path": name, "pages": pages}


def test_a_word_document_gives_the_text_that_would_be_printed(tmp_path: Path) -> None:
    body = """
      <w:p><w:r><w:t>Form </w:t></w:r><w:del><w:r><w:delText>gone</w:delText></w:r></w:del>
        <w:ins><w:r><w:t>A</w:t><w:tab/><w:t>12</w:t></w:r></w:ins><w:r><w:footnoteReference/></w:r></w:p>
      <w:sdt><w:sdtPr><w:alias w:val="x"/></w:sdtPr><w:sdtContent>
        <w:p><w:r><w:t>Filled in</w:t></w:r></w:p></w:sdtContent></w:sdt>
      <w:p><w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">
        <mc:Choice><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Choice>
        <mc:Fallback><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></mc:Fallback>
      </mc:AlternateContent></w:r></w:p>"""
    assert (
        content(
            one(
                tmp_path,
                "form.docx",
                _word(body, "<w:footnote><w:p><w:r><w:t>A note</w:t></w:r></w:p></w:footnote>"),
            )
        )["text"]
        == "Form A\t12¹\n\nFilled in\n\nIn a box\n\n¹ A note"
    )


def _word(body: str, notes: str) -> bytes:
    """A Word document of this XML, whose main part has an unusual name."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    parts = {
        "_rels/.rels": '<Of><Relationship Type="x/officeDocument" Target="/word/document2.xml"/></Of>',
        "word/document2.xml": f"<w:document {space}><w:body>{body}</w:body></w:document>",
        "word/footnotes.xml": f"<w:footnotes {space}>{notes}</w:footnotes>",
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, xml in parts.items():
            archive.writestr(name, xml)
    return packed.getvalue()


def test_several_threads_can_read_pdfs(tmp_path: Path) -> None:
    for name in "abcdefgh":
        (tmp_path / f"{name}.pdf").write_bytes(pdf_of(*["many words " * 200] * 10))
    alone = read(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        assert all(rows == alone for rows in pool.map(read_apart, [tmp_path] * 4))


def test_a_pdf_word_split_at_a_line_end_is_joined_unless_a_capital_follows(tmp_path: Path) -> None:
    row = one(tmp_path, "a.pdf", pdf_of("It is an exam-\nple of 2020\nby Anglo-\nSaxons."))
    assert content(row)["text"] == "It is an example of 2020\nby Anglo-Saxons."


def test_a_files_text_goes_into_the_jobs_text_column(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("x")
    (tmp_path / "b.csv").write_text("key,body\nk,y\n")
    rows = read(tmp_path, text_column="body", id_column="key")
    assert [(row[0], content(row)["body"]) for row in rows] == [("k", "y"), ("sub/a.txt", "x")]
    (row,) = read(tmp_path / "sub", id_column="file")
    assert row[0] == "a.txt"


@pytest.mark.parametrize(
    ("text", "encodings"),
    [
        (POLISH, ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1250", "iso-8859-2"]),
        ("Été à la plage, le garçon a payé 12 € hier, et la société l'a remboursé.", ["cp1252"]),
        ("Die Kündigung muß schriftlich erfolgen; die Geschäftsführer haften.", ["latin-1", "cp1252"]),
        ("Привет, это договор между сторонами о поставке товара.", ["cp1251", "koi8-r"]),  # noqa: RUF001
    ],
)
def test_the_encoding_of_a_text_file_is_guessed(text: str, encodings: list[str]) -> None:
    assert {encoding: decoded(text.encode(encoding)) for encoding in encodings} == dict.fromkeys(
        encodings, text
    )


def test_an_html_page_is_decoded_as_it_declares(tmp_path: Path) -> None:
    page = f'<meta charset="cp1250"><p>{POLISH[:6]}'.encode("cp1250")
    assert content(one(tmp_path, "a.html", page))["text"] == POLISH[:6]


@pytest.mark.parametrize(
    ("name", "data", "code", "reason"),
    [
        ("a.txt", b"\x00\x01\x00\x00\xff\xfe\x00", "unreadable_document", "save it as UTF-8"),
        ("a.txt", "Müller: 5 Stück".encode("cp1252"), "unreadable_document", "its encoding is unknown"),
        ("a.txt", b"half a \0 file", "unreadable_document", "not text"),
        ("a.pdf", b"%PDF-1.4 nothing more", "unreadable_document", "not a PDF, or damaged"),
        ("a.pdf", b"", "unreadable_document", "not a PDF, or damaged"),
        (
            "a.pdf",
            pdf_of("secret", password="word"),
            "unreadable_document",
            "encrypted; save it without a password",
        ),
        ("a.pdf", pdf_of("", ""), "unreadable_document", "its 2 pages hold no text, as in a scan"),
        ("a.docx", b"", "unreadable_document", "not a Word document"),
        ("a.docx", docx_of("x")[:-50], "unreadable_document", "not a Word document"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0" + bytes(99),
            "unreadable_document",
            "encrypted, or from an Office before 2007",
        ),
        ("a.jpg", b"\xff\xd8", "unknown_kind", "qwenq does not read .jpg files"),
        ("README", b"x", "unknown_kind", "files without an ending"),
        ("a.pdf.gz", b"x", "unknown_kind", "does not read .gz files"),
    ],
)
def test_an_unreadable_document_file_is_a_bad_row_beside_good_ones(
    tmp_path: Path, name: str, data: bytes, code: str, reason: str
) -> None:
    for neighbour in ("0.txt", "z.txt"):
        (tmp_path / neighbour).write_text("good")
    (tmp_path / name).write_bytes(data)
    first, bad, last = read(tmp_path)
    assert (content(first)["text"], content(last)["text"]) == ("good", "good")
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.raw, bad.code) == (2, name, code)
    assert bad.reason.startswith(f"{name}: ")
    assert reason in bad.reason


@pytest.mark.parametrize("main", ["word/document.xml", "word/doc.png"])
def test_a_word_document_that_unpacks_to_too_much_is_a_bad_row(tmp_path: Path, main: str) -> None:
    for packing in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", packing) as archive:
            relation = f'<Of><Relationship Type="x/officeDocument" Target="/{main}"/></Of>'
            archive.writestr("_rels/.rels", relation)
            archive.writestr(main, b" " * (65 << 20))
        row = one(tmp_path, "bomb.docx", packed.getvalue())
        assert isinstance(row, BadRow)
        assert "it unpacks to 65 MiB; the most is 64" in row.reason


def test_pictures_of_a_word_document_may_be_large(tmp_path: Path) -> None:
    packed = io.BytesIO(docx_of("text"))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/media/picture.png", b" " * (65 << 20))
    assert content(one(tmp_path, "a.docx", packed.getvalue()))["text"] == "text"


def test_a_page_with_a_large_picture_in_an_attribute_is_read(tmp_path: Path) -> None:
    picture = "data:image/png;base64," + "QUJD\n" * 100_000
    page = f'<p>before<img src="{picture}" alt="x">after'
    assert content(one(tmp_path, "a.html", page.encode()))["text"] == "before after"


def test_a_document_file_that_is_too_large_is_a_bad_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(17 << 20)
        file.write(b"x")
    row = one(tmp_path, "text.txt", b"x" * (17 << 20))
    assert isinstance(row, BadRow)
    assert "over-long" in row.reason
    monkeypatch.setattr("qwenq.producer.reading.sources.files.WHOLE_BYTES", 1 << 20)
    row = one(tmp_path, "text.txt", b"x" * (1 << 21))
    assert isinstance(row, BadRow)
    assert "more than 1 MiB; split it" in row.reason


def test_a_file_name_with_a_control_character_is_a_bad_row(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("good")
    (tmp_path / "b\udcff.txt").write_text("not UTF-8")
    (tmp_path / "c\n.txt").write_text("bad")
    rows = read(tmp_path)
    assert [isinstance(row, Document) for row in rows] == [True, True, False]
    for row in rows:
        "".join(map(str, row)).encode()


def test_a_missing_named_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=r"a\.pdf cannot be read: no such file"):
        read(tmp_path / "a.pdf")


def test_documents_come_through_a_pipe() -> None:
    stdin = io.BytesIO(pdf_of("Through a pipe."))
    (row,) = read_rows(["-"], Format.PDF, PromptSpec(), GenerationParams(), stdin)
    assert (row[0], content(row)["text"]) == ("stdin", "Through a pipe.")


@pytest.mark.parametrize(("name", "module"), [("a.pdf", "pypdfium2"), ("a.docx", "lxml"), ("a.html", "lxml")])
def test_a_missing_package_for_documents_names_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "a.txt").write_text("x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"pip install '.*\[documents\]'"):
        read_rows([str(tmp_path)], None, PromptSpec(), GenerationParams())
    assert len(read(tmp_path / "a.txt")) == 1


def test_the_codes_of_bad_document_files_are_fixed() -> None:
    assert (UnknownKind.code, UnreadableDocument.code) == ("unknown_kind", "unreadable_document")
