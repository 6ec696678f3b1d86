"""The words and lines of PDF pages, whichever way their text runs."""

import io

import pypdfium2
import pytest

from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.schemas.errors import UnreadableDocument
from tests.made_pdfs import annotated_pdf, form_pdf, printed, stream_of

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


def test_fields_that_lost_their_form_are_read_as_they_are_drawn() -> None:
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (x) /V (Ada) /Rect [100 690 200 710] /AP << /N 7 0 R >> >>"
    drawing = b"/Type /XObject /Subtype /Form /BBox [0 0 100 20] /Resources << /Font << /F 5 0 R >> >>"
    more = [stream_of(b"BT /F 10 Tf 2 4 Td (Ada) Tj ET", drawing)]
    assert read_pdf(annotated_pdf(printed("Name:"), [field], more=more)).text == "Name:\n\nAda"


def test_the_cover_of_a_portfolio_is_refused() -> None:
    cover = printed(
        "For the best experience, open this PDF portfolio in", "Acrobat X or Adobe Reader X, or later."
    )
    with pypdfium2.PdfDocument(annotated_pdf(cover, [])) as pdf:
        pdf.new_attachment("contract.pdf").set_data(b"%PDF")
        saved = io.BytesIO()
        pdf.save(saved)
    with pytest.raises(UnreadableDocument, match="it is a portfolio: its text is in attached files"):
        read_pdf(saved.getvalue())
