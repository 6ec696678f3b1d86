"""PDF, HTML and text files as people have them: read whole, or refused with the right advice."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenq.producer.reading import Access, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import UnknownFormat, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import docx_of
from tests.made_pdfs import annotated_pdf, form_pdf, printed, scan_pdf, stream_of
from tests.readers import shared_reader


def rows_of(name: Path, *, allow_partial: bool = False) -> list[Row]:
    access = Access(allow_partial=allow_partial)
    return list(
        read_rows([str(name)], None, PromptSpec(), GenerationParams(), access=access, reader=shared_reader())
    )


def row_of(folder: Path, name: str, data: bytes, *, allow_partial: bool = False) -> Row:
    (folder / name).write_bytes(data)
    (row,) = rows_of(folder / name, allow_partial=allow_partial)
    return row


def columns(row: Row) -> Any:
    assert isinstance(row, Document), row
    return orjson.loads(row.content)


def text_of(folder: Path, name: str, data: bytes, *, allow_partial: bool = False) -> str:
    return str(columns(row_of(folder, name, data, allow_partial=allow_partial))["text"])


def reason_of(folder: Path, name: str, data: bytes, *, allow_partial: bool = False) -> str:
    row = row_of(folder, name, data, allow_partial=allow_partial)
    assert isinstance(row, BadRow), row
    assert row.code == "unreadable_document"
    return row.reason


def test_d1_the_values_of_a_pdf_form_are_in_its_text(tmp_path: Path) -> None:
    box = b"/Rect [%d %d %d %d]"
    tick = b"/FT /Btn /AP << /N << /Yes null /Off null >> >> "
    data = form_pdf(
        printed("Name:", "I agree", "I refuse"),
        [
            b"/FT /Tx /T (Text1) /V (Ada Example) " + box % (120, 695, 300, 712),
            tick.replace(b"null", b"11 0 R") + b"/T (agree) /V /Yes /AS /Yes " + box % (30, 668, 45, 682),
            tick.replace(b"null", b"11 0 R") + b"/T (refuse) /AS /Off " + box % (30, 638, 45, 652),
            b"/FT /Ch /Ff 131072 /T (Country) /Opt [[(DE) (Germany)] [(FR) (France)]] /V (FR) "
            + box % (300, 500, 400, 520),
            b"/FT /Tx /T (Empty) " + box % (300, 400, 400, 420),
        ],
    ).replace(b"11 0 R", b"4 0 R")
    text = text_of(tmp_path, "form.pdf", data)
    assert "Name (Text1): Ada Example" in text
    assert "[x] I agree (agree)" in text
    assert "[ ] I refuse (refuse)" in text
    assert "Country: France" in text
    assert "Empty" not in text


def test_d1_hidden_fields_and_passwords_are_left_out(tmp_path: Path) -> None:
    box = b"/Rect [100 600 200 620] "
    data = form_pdf(
        printed("A form"),
        [
            b"/FT /Tx /T (secret) /V (hidden value) /F 2 " + box,
            b"/FT /Tx /T (word) /Ff 8192 /V (pass value) " + box,
            b"/FT /Tx /T (shown) /TU (What you see) /V (shown value) " + box,
        ],
    )
    assert text_of(tmp_path, "form.pdf", data) == "A form\n\nWhat you see (shown): shown value"


def test_d2_the_placeholder_of_an_xfa_form_is_refused(tmp_path: Path) -> None:
    data = annotated_pdf(
        printed("Please wait...", "If this message is not replaced, get Adobe Reader."),
        [b"<< /Type /Annot /Subtype /Link /Rect [0 0 1 1] >>"],
        b"/NeedsRendering true /AcroForm << /Fields [] /XFA 7 0 R >>",
        more=[stream_of(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'></xdp:xdp>")],
    )
    for allow_partial in (False, True):
        assert "print it to a new PDF" in reason_of(tmp_path, "form.pdf", data, allow_partial=allow_partial)


def test_d3_scanned_pages_beside_text_are_refused_or_left_out(tmp_path: Path) -> None:
    data = scan_pdf(["Cover page", *["scan"] * 3, "The end", "scan"])
    reason = reason_of(tmp_path, "mixed.pdf", data)
    assert "pages 2-4, 6 of 6 have no text layer: they are scans" in reason
    assert "run text recognition over it, or give --allow-partial" in reason
    found = columns(row_of(tmp_path, "mixed.pdf", data, allow_partial=True))
    assert found["pages"] == 6
    assert found["text"] == (
        "Cover page\n\n[Pages 2-4 of 6 are left out: a scan without a text layer]\n\nThe end\n\n"
        "[Page 6 of 6 is left out: a scan without a text layer]"
    )


def test_pages_that_are_left_out_are_told(tmp_path: Path) -> None:
    (tmp_path / "mixed.pdf").write_bytes(scan_pdf(["Cover page", "scan"]))
    told: list[str] = []
    access = Access(allow_partial=True)
    list(read_rows([str(tmp_path)], None, PromptSpec(), GenerationParams(), access=access, tell=told.append))
    assert told == [
        "mixed.pdf: pages that cannot be read were left out (--allow-partial); its text says which"
    ]


@pytest.mark.parametrize(
    "stamp", ["Page {page} of 3", "Case 2:19-cv-01234-ABC Document 45-2 Filed 03/12/20 Page {page} of 3"]
)
def test_d4_a_scan_with_a_stamped_line_is_a_scan(tmp_path: Path, stamp: str) -> None:
    data = scan_pdf(["scan"] * 3, stamp=stamp)
    for allow_partial in (False, True):
        reason = reason_of(tmp_path, "stamped.pdf", data, allow_partial=allow_partial)
        assert "all 3 pages have no text layer" in reason
        assert "--allow-partial" not in reason


def test_scans_with_a_text_layer_blank_pages_and_titles_over_pictures_are_read(tmp_path: Path) -> None:
    layer = text_of(tmp_path, "a.pdf", scan_pdf(["scan", "scan"], layer="Recognised text"))
    assert layer == "Recognised text\n\nRecognised text"
    assert text_of(tmp_path, "b.pdf", scan_pdf(["One", "blank", "Two"])) == "One\n\nTwo"
    title = text_of(tmp_path, "c.pdf", scan_pdf(["scan", "Text"], stamp="Annual Report", size=40))
    assert title == "Annual Report\n\nText"


def test_d5_text_typed_over_a_pdf_is_read_and_comments_are_not(tmp_path: Path) -> None:
    appearance = b"/Subtype /Form /BBox [0 0 100 20] /Resources << /Font << /F 5 0 R >> >>"
    note = b"<< /Type /Annot /Subtype /%s /Rect [120 %d 300 %d] /Contents (%s) %s >>"
    data = annotated_pdf(
        printed("Amount due:", "Other text"),
        [
            note % (b"FreeText", 695, 712, b"1,250 euros", b""),
            note % (b"FreeText", 600, 612, b"not shown", b"/F 2"),
            note % (b"Text", 500, 512, b"a comment", b""),
            note % (b"Highlight", 500, 512, b"a remark", b""),
            note % (b"Stamp", 400, 412, b"about the stamp", b"/F 4 /AP << /N 11 0 R >>"),
        ],
        more=[stream_of(b"BT /F 12 Tf 5 5 Td (APPROVED) Tj ET", appearance)],
    )
    text = text_of(tmp_path, "typed.pdf", data)
    assert text == "Amount due:\nOther text\n\nAmount due: 1,250 euros\n\nAPPROVED"


def test_d6_garbled_pages_are_refused_and_lone_symbols_are_not(tmp_path: Path) -> None:
    unmapped = b"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfrange <41> <7a> <e041> endbfrange endcmap"""
    link = [b"<< /Type /Annot /Subtype /Link /Rect [0 0 1 1] >>"]
    font = b"/ToUnicode 7 0 R"
    garbled = annotated_pdf(printed("Nobody can read this."), link, font=font, more=[stream_of(unmapped)])
    assert "its page is garbled" in reason_of(tmp_path, "garbled.pdf", garbled)
    bullets = annotated_pdf(printed("A 1. 22", "B 2. 33"), link, font=font, more=[stream_of(unmapped)])
    assert text_of(tmp_path, "bullets.pdf", bullets) == "\ue041 1. 22\n\ue042 2. 33"


def test_d17_html_of_any_depth_is_read_whole(tmp_path: Path) -> None:
    clauses = "".join(f"<p><font size=2>Clause {number}." for number in range(3_000))
    text = text_of(tmp_path, "a.html", clauses.encode())
    assert text.split("\n\n") == [f"Clause {number}." for number in range(3_000)]
    for depth in (300, 10_000):
        nested = f"{'<div>' * depth}deep{'</div>' * depth}<p>end"
        assert text_of(tmp_path, "b.html", nested.encode()).split() == ["deep", "end"]
    tables = b"<table><tr><td>" * 5_000 + b"deep"
    assert "nested deeper than 2,048 levels" in reason_of(tmp_path, "c.html", tables)


@pytest.mark.parametrize(
    ("label", "encoding", "text"),
    [
        ("iso-8859-1", "cp1252", "€ 500 – “Annex A”"),  # noqa: RUF001
        ("us-ascii", "cp1252", "5 €"),
        ("iso-8859-9", "cp1254", "İş €"),
        ("iso-8859-8-i", "iso8859_8", "שלום עולם"),
        ("shift_jis", "cp932", "①日本"),
        ("x-sjis", "cp932", "日本"),
        ("euc-kr", "cp949", "한국 뷁"),
        ("gb2312", "gbk", "中国 镕"),
        ("windows-874", "cp874", "ไทย"),
        ("windows-31j", "cp932", "髙"),
        ("x-mac-roman", "mac_roman", "Größe"),
        ("iso-2022-jp", "iso2022_jp", "日本語"),
    ],
)
def test_d18_d19_html_is_decoded_by_the_labels_that_browsers_know(
    tmp_path: Path, label: str, encoding: str, text: str
) -> None:
    for head in (
        f'<meta charset="{label}">',
        f'<meta http-equiv=content-type content="text/html; charset={label}">',
    ):
        assert text_of(tmp_path, "a.html", f"{head}<p>{text}".encode(encoding)) == text


def test_a_byte_order_mark_wins_and_commented_declarations_do_not_count(tmp_path: Path) -> None:
    marked = '\ufeff<meta charset="iso-8859-1"><p>Größe'
    assert text_of(tmp_path, "a.html", marked.encode()) == "Größe"
    assert text_of(tmp_path, "b.html", marked.encode("utf-16-le")) == "Größe"
    commented = "<!-- <meta charset=cp1251> --><meta charset=cp1250><p>żółw"
    assert text_of(tmp_path, "c.html", commented.encode("cp1250")) == "żółw"


def test_d20_hidden_parts_of_html_are_left_out(tmp_path: Path) -> None:
    page = b"""<style>/* .shown {display:none} */ .gone, p.off {display: none} .tab {display:none}
      .tab.active {display:block} @media print {.screen {display:none}}</style>
    <p>A<div style="display: none">x</div><div hidden>x</div><span style="visibility:hidden">x</span>
    <template><p>x</template><noscript>x</noscript><p class="gone">x<p class="b off">x
    <p class=shown>B<p class="tab active">C<p class=screen>D<p aria-hidden=true>E"""
    assert text_of(tmp_path, "a.html", page).split() == ["A", "B", "C", "D", "E"]


def test_d21_preformatted_text_stands_as_it_is(tmp_path: Path) -> None:
    page = b"<p>Prices\n in euros<pre>\nitem   sum\n  a\t<b>12</b>\n\n  b     3\n</pre><textarea>x\n y</textarea>"
    text = text_of(tmp_path, "a.html", page)
    assert text == "Prices in euros\n\nitem   sum\n  a\t12\n\n  b     3\n\nx\n y"


def test_html_shows_list_numbers_and_form_values_but_no_pictures(tmp_path: Path) -> None:
    page = b"""<ol start=3><li>three<li><p>four</ol><ol type=a><li>first</ol><img alt="Logo" src=x>
    <p><input type=checkbox checked> yes <input type=checkbox> no <input value="Ada"><input type=hidden value=x>
    <select><option>A<option selected>B</select>"""
    assert text_of(tmp_path, "a.html", page).split() == (
        ["3.", "three", "4.", "four", "a.", "first", "[x]", "yes", "[", "]", "no", "Ada", "B"]
    )


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("a.doc", "save it as .docx"), ("a.rtf", "save it as .docx"), ("a.odt", "save it as .docx"),
        ("a.xls", "save it as .xlsx"), ("a.pptx", "save it as PDF"), ("a.ppt", "save it as PDF"),
        ("a.msg", "save it as .txt"), ("a.eml", "save it as .txt"), ("a.epub", "save it as .html or PDF"),
        ("a.zip", "unpack it"), ("a.PNG", "text recognition"),
    ],
)  # fmt: skip
def test_d24_d25_files_of_other_kinds_are_told_what_to_do(tmp_path: Path, name: str, advice: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "z.txt").write_bytes(b"good")
    with pytest.raises(UnreadableInput, match=advice) as refused:
        rows_of(tmp_path / name)
    assert "--format" not in str(refused.value)
    bad, good = rows_of(tmp_path)
    assert isinstance(bad, BadRow)
    assert bad.code == "unknown_kind"
    assert advice in bad.reason
    assert isinstance(good, Document)


def test_d24_endings_of_plain_text_are_read(tmp_path: Path) -> None:
    for name in ("a.log", "a.md", "a.text", "a.rst", "a.srt"):
        assert text_of(tmp_path, name, b"words") == "words"
    (tmp_path / "a.unheard").write_bytes(b"words")
    with pytest.raises(UnknownFormat, match="--format"):
        rows_of(tmp_path / "a.unheard")


def test_d22_utf16_without_a_mark_is_read(tmp_path: Path) -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        assert (
            text_of(tmp_path, "a.txt", "Der Käufer zahlt.\nEnde".encode(encoding))
            == "Der Käufer zahlt.\nEnde"
        )


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "cp437"])
def test_d23_text_of_old_machines_is_never_read_wrong(tmp_path: Path, encoding: str) -> None:
    text = "Die größte Fläche für das Stück liegt südlich der Straße. Wir können nicht kündigen, weil der Käufer zahlt."
    row = row_of(tmp_path, "a.txt", text.encode(encoding))
    if isinstance(row, BadRow):
        assert "save it as UTF-8" in row.reason
    else:
        assert columns(row)["text"] == text


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", rb"{\rtf1\ansi Secret\par}", "it is an RTF document; save it as .docx or PDF"),
        ("a.html", rb" {\rtf1\ansi Secret\par}", "it is an RTF document"),
        ("a.docx", rb"{\rtf1\ansi Secret\par}", "it is an RTF document"),
        ("a.txt", b"%PDF-1.4\n1 0 obj\n<</Type /Catalog>>", "it is a PDF; name it .pdf"),
        ("a.pdf", b"<!DOCTYPE html><p>login", "it is an HTML page; name it .html"),
        ("a.docx", b"<html><p>x", "it is an HTML page"),
        ("a.txt", docx_of("Contract"), "it is a Word document; name it .docx"),
        ("a.html", b"PK\x03\x04rest", "it is a ZIP archive; unpack it"),
        (
            "a.html",
            b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b",
            "a web archive (MHT)",
        ),
        ("a.html", b"bplist00\xd1\x01", "it is a web archive of Safari; save it as page source"),
        ("a.html", b"\x1f\x8b\x08", "it is compressed by gzip; unpack it"),
        ("a.pdf", b"\x89PNG\r\n\x1a\n", "it is a picture; run text recognition over it"),
    ],
)
def test_a_document_of_another_kind_than_its_name_says_is_told(
    tmp_path: Path, name: str, data: bytes, reason: str
) -> None:
    assert reason in reason_of(tmp_path, name, data)


def test_d26_a_file_name_that_is_not_utf8_is_read_with_its_bytes_shown(tmp_path: Path) -> None:
    (tmp_path / "caf\udce9.txt").write_bytes(b"good")
    (tmp_path / "caf\udce9.csv").write_bytes(b"text\ngood\n")
    table, document = rows_of(tmp_path)
    assert (table[0], document[0]) == ("caf\\udce9.csv:2", "caf\\udce9.txt")
    assert columns(document)["file"] == "caf\\udce9.txt"
    (named,) = rows_of(tmp_path / "caf\udce9.txt")
    assert named[0] == "caf\\udce9.txt"
