"""Word documents: text as Word prints it, with embedded parts, choices, symbols, numbers of lists, equations."""

import io
import zipfile

import pytest

from qwenq.producer.reading.documents.word.document import read_word
from qwenq.producer.reading.documents.word.symbols import symbol
from qwenq.schemas.errors import UnreadableDocument
from tests.made_files import docx_of
from tests.word_files import blocks, paragraph, word_of

SYMBOL_RUN = '<w:r><w:sym w:font="{font}" w:char="{code}"/></w:r>'
LARGE_D = paragraph("D", '<w:framePr w:dropCap="drop"/>')
MHT = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b"<p>Gr=C3=BC=C3=9Fe</p>\r\n--b--\r\n"
)


def form_field(data: str, instruction: str, result: str = "") -> str:
    shown = f'<w:r><w:fldChar w:fldCharType="separate"/></w:r>{result}' if result else ""
    return (
        f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r>'
        f'<w:r><w:instrText>{instruction}</w:instrText></w:r>{shown}<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )


@pytest.mark.parametrize(
    ("name", "data", "text"),
    [
        ("a.html", b"<html><body><p>The contract.</p></body></html>", "The contract."),
        ("a.txt", "Grüße".encode(), "Grüße"),
        ("a.mht", MHT, "Grüße"),
        ("a.docx", docx_of("Inner.", table=[["a", "b"]]), "Inner.\n\na\tb"),
        ("a.docx", word_of('<w:altChunk r:id="b.txt"/>', embedded={"b.txt": b"deep"}), "deep"),
    ],
)
def test_an_embedded_part_stands_in_its_place(name: str, data: bytes, text: str) -> None:
    body = paragraph("Before.") + f'<w:altChunk r:id="{name}"/>' + paragraph("After.")
    assert read_word(word_of(body, embedded={name: data})).text == f"Before.\n\n{text}\n\nAfter."


@pytest.mark.parametrize(
    ("name", "embedded"),
    [("a.bin", {"a.bin": b"\x00\x01"}), ("missing", {}), ("a.rtf", {"a.rtf": b"{\\rtf1 x}"})],
)
def test_embedded_text_that_cannot_be_had_is_refused(name: str, embedded: dict[str, bytes]) -> None:
    with pytest.raises(UnreadableDocument, match="open it in Word and save it again"):
        read_word(word_of(paragraph("Before.") + f'<w:altChunk r:id="{name}"/>', embedded=embedded))


def test_documents_embedded_too_deep_are_refused() -> None:
    data = word_of(paragraph("x"))
    for _ in range(5):
        data = word_of('<w:altChunk r:id="a.docx"/>', embedded={"a.docx": data})
    with pytest.raises(UnreadableDocument, match="4 deep"):
        read_word(data)


def test_a_part_that_is_embedded_very_often_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.producer.reading.documents.word.embedded.MOST_CHARS", 1_000)
    with pytest.raises(UnreadableDocument, match="embedded parts repeat"):
        read_word(word_of('<w:altChunk r:id="a.txt"/>' * 101, embedded={"a.txt": b"0123456789"}))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('<w:ddList><w:result w:val="1"/><w:listEntry w:val="A"/><w:listEntry w:val="B"/></w:ddList>', "B"),
        ('<w:ddList><w:listEntry w:val="A"/><w:listEntry w:val="B"/></w:ddList>', "A"),
        ('<w:ddList><w:default w:val="1"/><w:listEntry w:val="A"/><w:listEntry w:val="B"/></w:ddList>', "B"),
        ("<w:checkBox><w:checked/></w:checkBox>", "☒"),
        ('<w:checkBox><w:checked w:val="0"/><w:default w:val="1"/></w:checkBox>', "☐"),
        ('<w:checkBox><w:default w:val="1"/></w:checkBox>', "☒"),
        ("<w:checkBox/>", "☐"),
    ],
)
def test_a_form_field_shows_its_choice_or_tick_once(data: str, text: str) -> None:
    plain = form_field(data, " FORM ")
    repeated = form_field(data, " FORM ", "<w:r><w:t>old</w:t></w:r>")
    assert blocks(f"<w:p>{plain}<w:r><w:t>.</w:t></w:r></w:p>") == [f"{text}."]
    assert blocks(f"<w:p>{repeated}<w:r><w:t>.</w:t></w:r></w:p>") == [f"{text}."]


def test_a_text_field_shows_its_result() -> None:
    field = form_field("<w:textInput/>", " FORMTEXT ", "<w:r><w:t>Anna</w:t></w:r>")
    assert blocks(f"<w:p>{field}</w:p>") == ["Anna"]


def test_a_field_that_never_ends_hides_nothing() -> None:
    begun = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    assert blocks(f"<w:p>{begun}<w:r><w:t>All of it.</w:t></w:r></w:p>") == ["All of it."]


def test_text_within_an_instruction_is_left_out() -> None:
    nested = form_field("", " MERGEFIELD a ", "<w:r><w:t>hidden</w:t></w:r>")
    marks = [f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end")]
    body = f"<w:p>{marks[0]}{nested}{marks[1]}<w:r><w:t>shown</w:t></w:r>{marks[2]}</w:p>"
    assert blocks(body) == ["shown"]


@pytest.mark.parametrize(
    ("properties", "content", "text"),
    [
        ('<w14:checkbox><w14:checked w14:val="1"/></w14:checkbox>', "<w:r><w:t>☒</w:t></w:r>", "☒"),
        ('<w14:checkbox><w14:checked w14:val="1"/></w14:checkbox>', "<w:r><w:t>R</w:t></w:r>", "☒"),
        ('<w14:checkbox><w14:checked w14:val="0"/></w14:checkbox>', "", "☐"),
        ("<w:dropDownList/>", "<w:r><w:t>Second</w:t></w:r>", "Second"),
        (
            '<w:dropDownList w:lastValue="2"><w:listItem w:displayText="Two" w:value="2"/></w:dropDownList>',
            "",
            "Two",
        ),
    ],
)
def test_a_content_control_shows_its_choice_or_tick(properties: str, content: str, text: str) -> None:
    control = f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{content}</w:sdtContent></w:sdt>"
    assert blocks(f"<w:p>{control}<w:r><w:t> I agree</w:t></w:r></w:p>") == [f"{text} I agree"]


@pytest.mark.parametrize(
    ("font", "code", "shown"),
    [
        ("Wingdings", "F0FC", "✓"),
        ("Wingdings", "F0FE", "☑"),
        ("Wingdings", "F0A8", "☐"),
        ("Wingdings", "00FC", "✓"),
        ("Wingdings 2", "F052", "☑"),
        ("Symbol", "F062", "β"),
        ("Symbol", "F0B3", "≥"),
        ("Arial", "2713", "✓"),
        ("Unknown Dings", "F041", "\ufffd"),
    ],
)
def test_a_symbol_is_a_character(font: str, code: str, shown: str) -> None:
    assert blocks(f"<w:p>{SYMBOL_RUN.format(font=font, code=code)}<w:r><w:t> yes</w:t></w:r></w:p>") == [
        f"{shown} yes"
    ]


def test_text_in_a_symbol_font_is_what_it_shows() -> None:
    assert blocks(paragraph("\uf0fcü", look='<w:rFonts w:ascii="Wingdings"/>')) == ["✓✓"]
    assert symbol(ord("a"), "Webdings") == "✔"


def test_hidden_text_is_left_out_by_run_and_by_style() -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Hide"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Note"><w:rPr><w:vanish/></w:rPr></w:style>'
    )
    body = (
        paragraph("gone", look="<w:vanish/>")
        + paragraph("gone", look='<w:rStyle w:val="Hide"/>')
        + paragraph("gone", '<w:pStyle w:val="Note"/>')
        + paragraph("kept", look='<w:vanish w:val="0"/>')
        + paragraph("kept too", '<w:pStyle w:val="Note"/>', '<w:vanish w:val="false"/>')
    )
    assert blocks(body, styles=styles) == ["kept", "kept too"]


def _math(inner: str) -> str:
    return f"<w:p><w:r><w:t>x = </w:t></w:r><m:oMath>{inner}</m:oMath></w:p>"


def _run(text: str) -> str:
    return f"<m:r><m:t>{text}</m:t></m:r>"


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        (f"<m:f><m:num>{_run('a')}</m:num><m:den>{_run('b')}</m:den></m:f>", "a/b"),
        (f"<m:f><m:num>{_run('a+1')}</m:num><m:den>{_run('2b')}</m:den></m:f>", "(a+1)/(2b)"),
        (f"{_run('2')}<m:f><m:num>{_run('1')}</m:num><m:den>{_run('2')}</m:den></m:f>", "2 1/2"),
        (f"<m:sSup><m:e>{_run('10')}</m:e><m:sup>{_run('-6')}</m:sup></m:sSup>", "10^-6"),
        (f"<m:sSup><m:e>{_run('x')}</m:e><m:sup>{_run('n+1')}</m:sup></m:sSup>", "x^(n+1)"),
        (f"<m:sSub><m:e>{_run('x')}</m:e><m:sub>{_run('i')}</m:sub></m:sSub>", "x_i"),
        (f"<m:rad><m:radPr><m:degHide/></m:radPr><m:deg/><m:e>{_run('x+1')}</m:e></m:rad>", "√(x+1)"),
        (
            (
                f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr><m:sub>{_run("i=1")}</m:sub><m:sup>{_run("n")}</m:sup>'
                f"<m:e>{_run('i')}</m:e></m:nary>"
            ),
            "∑_(i=1)^n i",
        ),
        (f"<m:d><m:e>{_run('a')}</m:e></m:d>", "(a)"),
        (
            (
                f"<m:m><m:mr><m:e>{_run('1')}</m:e><m:e>{_run('2')}</m:e></m:mr><m:mr><m:e>{_run('3')}</m:e>"
                f"<m:e>{_run('4')}</m:e></m:mr></m:m>"
            ),
            "[1, 2; 3, 4]",
        ),
    ],
)
def test_an_equation_is_one_line(inner: str, text: str) -> None:
    assert blocks(_math(inner)) == [f"x = {text}"]


def test_a_table_row_is_one_line_with_a_table_within() -> None:
    def table(*rows: list[str]) -> str:
        written = "".join(f"<w:tr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in row)}</w:tr>" for row in rows)
        return f"<w:tbl>{written}</w:tbl>"

    inner = table([paragraph("1"), paragraph("2")], [paragraph("3"), paragraph("4")])
    broken = "<w:p><w:r><w:t>two</w:t><w:br/><w:t>lines</w:t></w:r></w:p>"
    body = table([paragraph("a") + inner, broken], [paragraph("b"), paragraph("c")])
    assert blocks(body) == ["a 1 | 2; 3 | 4\ttwo lines\nb\tc"]


def test_rows_deleted_or_hidden_are_left_out() -> None:
    cell = f"<w:tc>{paragraph('x')}</w:tc>"
    body = f"<w:tbl><w:tr>{cell}</w:tr><w:tr><w:trPr><w:del/></w:trPr>{cell}</w:tr>"
    body += f"<w:tr><w:trPr><w:hidden/></w:trPr>{cell}</w:tr></w:tbl>"
    assert blocks(body) == ["x"]


def test_a_text_box_stands_once() -> None:
    box = f"<w:txbxContent>{paragraph('boxed')}</w:txbxContent>"
    both = f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    old = f"<mc:AlternateContent><mc:Choice/><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    assert blocks(f"<w:p><w:r><w:t>a</w:t></w:r><w:r>{both}</w:r></w:p>") == ["a\nboxed"]
    assert blocks(f"<w:p><w:r>{old}</w:r></w:p>") == ["boxed"]


def test_texts_of_a_diagram_are_read() -> None:
    points = "".join(f"<a:p><a:r><a:t>{text}</a:t></a:r></a:p>" for text in ("Plan", "Do"))
    data = f'<dgm:dataModel xmlns:dgm="d" xmlns:a="a">{points}</dgm:dataModel>'
    body = '<w:p><w:r><w:drawing><dgm:relIds r:dm="d.xml"/></w:drawing></w:r></w:p>'
    assert blocks(body, embedded={"d.xml": data.encode()}) == ["Plan\nDo"]


def test_a_subdocument_in_another_file_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match="stands in another file"):
        read_word(word_of(f'{paragraph("x")}<w:subDoc r:id="rId9"/>'))


def test_parts_are_found_in_upper_case_and_with_backslashes() -> None:
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(docx_of("Kept."))) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.infolist():
            name = part.filename.replace("word/document.xml", "WORD/Document.xml")
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("/", "\\") if name.endswith("styles.xml") else name
            new.writestr(info, old.read(part))
    assert read_word(changed.getvalue()).text == "Kept."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (LARGE_D + paragraph("rop cap."), "Drop cap."),
        (paragraph("con", "<w:rPr><w:del/></w:rPr>") + paragraph("tract") + paragraph("ends"), "contract\n\nends"),
        (paragraph("a", "<w:rPr><w:del/></w:rPr>") + "<w:tbl><w:tr><w:tc><w:p/></w:tc></w:tr></w:tbl>", "a"),
        ("<w:tbl><w:tr><w:tc>" + LARGE_D + paragraph("rop") + "</w:tc></w:tr></w:tbl>", "Drop"),
        ("<w:p><w:r><w:t>hy</w:t><w:softHyphen/><w:t>phen\xadated</w:t><w:noBreakHyphen/></w:r></w:p>", "hyphenated-"),
        ("<w:p><w:r><w:pict><v:textpath xmlns:v='v' string='DRAFT'/></w:pict></w:r></w:p>", "DRAFT"),
        ("<w:p><w:r><a:p><a:r><a:t>a</a:t></a:r></a:p><a:p><a:r><a:t>b</a:t></a:r></a:p></w:r></w:p>", "a\n\nb"),
    ],
)  # fmt: skip
def test_words_stay_whole_and_paragraphs_apart(body: str, text: str) -> None:
    assert read_word(word_of(body)).text == text


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ('SYMBOL 254 \\f "Wingdings" \\s 12', "☑ x"),
        ("SYMBOL 0x41", "A x"),
        ("MACROBUTTON NoMacro [Type the name]", "[Type the name] x"),
        ("SYMBOL", "x"),
        ("MACROBUTTON", "x"),
        ("PAGE", "x"),
    ],
)
def test_a_field_without_a_result_prints_what_its_instruction_says(instruction: str, text: str) -> None:
    field = f"<w:p>{form_field('', instruction)}<w:r><w:t xml:space='preserve'> x</w:t></w:r></w:p>"
    assert read_word(word_of(field)).text == text


def run(text: str, look: str = "") -> str:
    return f'<w:r><w:rPr>{look}</w:rPr><w:t xml:space="preserve">{text}</w:t></w:r>'


SUPERSCRIPT = '<w:vertAlign w:val="superscript"/>'
SUBSCRIPT = '<w:vertAlign w:val="subscript"/>'
STRUCK = "<w:strike/>"


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ((run("10"), run("6", SUPERSCRIPT), run(" m"), run("2", SUPERSCRIPT)), "10⁶ m²"),
        ((run("CO"), run("2", SUBSCRIPT), run(" at T"), run("max", SUBSCRIPT)), "CO₂ at T_max"),
        ((run("x"), run("n", SUPERSCRIPT), "<w:proofErr/>", run("+1", SUPERSCRIPT)), "x^(n+1)"),
        ((run("the 5"), run("th", SUPERSCRIPT), run(" day"), run("", SUPERSCRIPT)), "the 5th day"),
        ((run("10"), run("6", '<w:rStyle w:val="Up"/>'), run("8", '<w:rStyle w:val="Of"/>')), "10⁶8"),
        ((run("10"), run("6", SUPERSCRIPT + STRUCK), run("7", SUPERSCRIPT)), "10~~⁶~~⁷"),
        ((run("for "), run("100 ", STRUCK), run("EUR ", "<w:dstrike/>"), run("120")), "for ~~100 EUR~~ 120"),
        ((run("all", STRUCK), run("off", '<w:strike w:val="0"/>'), run(" ", STRUCK)), "~~all~~off"),
    ],
)
def test_raised_lowered_and_struck_text_is_told_apart(runs: tuple[str, ...], text: str) -> None:
    styles = (
        f'<w:style w:type="character" w:styleId="Up"><w:rPr>{SUPERSCRIPT}</w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="Of"><w:rPr><w:vertAlign w:val="baseline"/></w:rPr></w:style>'
    )
    assert blocks(f"<w:p>{''.join(runs)}</w:p>", styles=styles) == [text]


def test_notes_stand_behind_the_text_in_the_order_of_their_marks() -> None:
    def note(kind: str, number: int, *texts: str, more: str = "") -> str:
        written = "".join(map(paragraph, texts))
        return f'<w:{kind} w:id="{number}"{more}>{written}</w:{kind}>'

    def mark(kind: str, number: int, more: str = "") -> str:
        return (
            f'{run("100")}<w:r><w:rPr>{SUPERSCRIPT}</w:rPr><w:{kind}Reference w:id="{number}"{more}/></w:r>'
        )

    own = mark("footnote", 4, ' w:customMarkFollows="1"') + run("*", SUPERSCRIPT)
    body = f"<w:p>{mark('footnote', 3)}{mark('endnote', 1)}{mark('footnote', 2)}{own}</w:p>"
    deleted = f"<w:p><w:del>{mark('footnote', 5)}</w:del></w:p>"
    footnotes = (
        note("footnote", 0, "---", more=' w:type="separator"')
        + note("footnote", 2, "second", "goes on")
        + note("footnote", 3, "first")
        + note("footnote", 4, "* third")
        + note("footnote", 5, "deleted")
    )
    assert blocks(body + deleted, footnotes=footnotes, endnotes=note("endnote", 1, "at the end")) == [
        "100¹100[i]100²100*", "¹ first", "² second", "goes on", "* third", "[i] at the end",
    ]  # fmt: skip


def test_cells_that_span_several_columns_keep_the_others_under_their_headings() -> None:
    def row(*cells: str) -> str:
        return f"<w:tr>{''.join(cells)}</w:tr>"

    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraph(text)}</w:tc>"

    wide, gone = '<w:gridSpan w:val="2"/>', "<w:cellDel/>"
    table = row(cell("A", wide), cell("B"), cell("gone", gone)) + row(cell("1"), cell("2"), cell("3"))
    assert blocks(f"<w:tbl>{table}</w:tbl>") == ["A\t\tB\n1\t2\t3"]
