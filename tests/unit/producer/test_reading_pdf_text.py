"""The words and lines of PDF pages, whichever way their text runs."""

import pytest

from qwenq.producer.reading.documents.pdf import read_pdf
from tests.made_pdfs import annotated_pdf, form_pdf

LINES = ("This agreement between", "the first party", "and the second", "begins on 1 May")
TEXT = "\n".join(LINES)
# The text matrix, and the way to the next line, of text turned clockwise by so many degrees.
_TURNS = {
    0: ("1 0 0 1", 0, -20),
    90: ("0 -1 1 0", -20, 0),
    180: ("-1 0 0 -1", 0, 20),
    270: ("0 1 -1 0", 20, 0),
}


def drawn(lines: tuple[str, ...], turned: int = 0, x: int = 300, y: int = 400) -> bytes:
    matrix, across, up = _TURNS[turned]
    shown = (
        f"BT {matrix} {x + across * place} {y + up * place} Tm /F 12 Tf ({line}) Tj ET"
        for place, line in enumerate(lines)
    )
    return "\n".join(shown).encode()


def rotated(data: bytes, degrees: int) -> bytes:
    return data.replace(b"/MediaBox", b"/Rotate %d /MediaBox" % degrees)


@pytest.mark.parametrize("page", [0, 90, 180, 270])
@pytest.mark.parametrize("text", _TURNS)
def test_lines_of_turned_text_stay_apart_and_in_order(page: int, text: int) -> None:
    assert read_pdf(rotated(annotated_pdf(drawn(LINES, text), []), page)).text == TEXT


def test_text_beside_in_another_direction_stands_behind_with_its_lines_apart() -> None:
    data = annotated_pdf(drawn(("Side", "label"), 270, 30, 30) + b"\n" + drawn(LINES), [])
    assert read_pdf(data).text == f"{TEXT}\nSide\nlabel"


def test_fields_of_a_turned_page_keep_their_values() -> None:
    data = form_pdf(drawn(LINES, 270), [b"/FT /Tx /T (Name) /V (Ada) /Rect [20 695 200 712]"])
    assert read_pdf(rotated(data, 90)).text == f"{TEXT}\n\nName: Ada"
