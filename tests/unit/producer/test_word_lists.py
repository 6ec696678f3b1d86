"""Lists and clauses of Word documents have the numbers that Word shows."""

import pytest

from qwenq.producer.reading.documents.word.list_numbers import shown_number
from tests.word_files import blocks, definition, level, numbered, paragraph


def test_clauses_have_the_numbers_that_word_shows() -> None:
    numbering = definition(
        level(0, "decimal", "%1."), level(1, "decimal", "%1.%2"), level(2, "lowerLetter", "(%3)")
    )
    body = "".join(
        numbered(text, depth)
        for text, depth in [("A", 0), ("B", 1), ("C", 1), ("D", 2), ("E", 2), ("F", 0), ("G", 1), ("H", 2)]
    )
    assert blocks(body, numbering=numbering) == [
        "1. A", "1.1 B", "1.2 C", "(a) D", "(b) E", "2. F", "2.1 G", "(a) H",
    ]  # fmt: skip


def test_a_list_may_begin_anew_and_share_its_definition() -> None:
    again = (
        '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
        '<w:num w:numId="3"><w:abstractNumId w:val="1"/>'
        '<w:lvlOverride w:ilvl="0"><w:startOverride w:val="5"/></w:lvlOverride></w:num>'
    )
    body = "".join(numbered("x", 0, number) for number in (1, 1, 2, 3, 3))
    shown = blocks(body, numbering=definition(level(0, "upperRoman", "%1)")) + again)
    assert shown == ["I) x", "II) x", "III) x", "V) x", "VI) x"]


def test_levels_restart_and_are_legal_as_defined() -> None:
    numbering = definition(
        level(0, "upperRoman", "Article %1"),
        level(1, "decimal", "%1.%2", '<w:isLgl/><w:suff w:val="nothing"/>'),
        level(2, "decimal", "§%3", '<w:lvlRestart w:val="0"/>'),
    )
    body = "".join(numbered("x", depth) for depth in (0, 1, 2, 0, 1, 2))
    assert blocks(body, numbering=numbering) == [
        "Article I x", "1.1x", "§1 x", "Article II x", "2.1x", "§2 x",
    ]  # fmt: skip


def test_headings_are_numbered_by_their_styles() -> None:
    styles = (
        '<w:style w:type="paragraph" w:styleId="H1"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="H2"><w:basedOn w:val="H1"/>'
        '<w:pPr><w:numPr><w:ilvl w:val="1"/><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        '<w:style w:type="paragraph" w:styleId="Plain"><w:basedOn w:val="H1"/>'
        '<w:pPr><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr></w:style>'
    )
    numbering = definition(
        level(0, "decimal", "%1", '<w:pStyle w:val="H1"/>'),
        level(1, "decimal", "%1.%2", '<w:pStyle w:val="H2"/>'),
    )
    body = "".join(
        paragraph("x", f'<w:pStyle w:val="{style}"/>') for style in ("H1", "H2", "Plain", "H1", "H2")
    )
    assert blocks(body, numbering=numbering, styles=styles) == ["1 x", "1.1 x", "x", "2 x", "2.1 x"]


def test_a_list_style_numbers_its_paragraphs() -> None:
    styles = '<w:style w:styleId="L"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
    linked = (
        '<w:abstractNum w:abstractNumId="2"><w:numStyleLink w:val="L"/></w:abstractNum>'
        '<w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>'
    )
    numbering = definition(level(0, "lowerRoman", "%1.")) + linked
    assert blocks(numbered("x", 0, 2) + numbered("y", 0, 2), numbering=numbering, styles=styles) == [
        "i. x",
        "ii. y",
    ]


def test_bullets_are_shown_and_deleted_paragraphs_not_counted() -> None:
    symbols = '<w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr>'
    numbering = definition(level(0, "bullet", "\uf0b7", symbols)) + definition(
        level(0, "decimal", "%1."), number=2
    )
    gone = (
        '<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="2"/></w:numPr><w:rPr><w:del/></w:rPr></w:pPr>'
        "<w:del><w:r><w:delText>old</w:delText></w:r></w:del></w:p>"
    )
    body = numbered("x") + numbered("y", 0, 2) + gone + numbered("z", 0, 2)
    assert blocks(body, numbering=numbering) == ["• x", "1. y", "2. z"]


@pytest.mark.parametrize(
    ("number", "kind", "shown"),
    [
        (27, "lowerLetter", "aa"), (28, "upperLetter", "BB"), (1994, "upperRoman", "MCMXCIV"), (4, "lowerRoman", "iv"),
        (3, "decimalZero", "03"), (22, "ordinal", "22nd"), (11, "ordinal", "11th"), (42, "cardinalText", "Forty-two"),
        (21, "ordinalText", "Twenty-first"), (20, "ordinalText", "Twentieth"), (12, "ordinalText", "Twelfth"),
        (3, "decimalEnclosedCircle", "③"), (21, "chineseCounting", "二十一"), (5, "unheardOf", "5"), (7, "none", ""),
    ],
)  # fmt: skip
def test_a_number_is_written_in_its_format(number: int, kind: str, shown: str) -> None:
    assert shown_number(number, kind) == shown
