"""The words and lines of PDF pages, whichever way their text runs."""

import io

import pypdfium2
import pytest

from qwenq.producer.reading.documents.pdf import read_pdf
from qwenq.schemas.errors import UnreadableDocument
from tests.made_pdfs import annotated_pdf, form_pdf, pdf_of_objects, printed, stream_of

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


def text_at(size: float, rise: float, text: str) -> bytes:
    return b"/F %g Tf %g Ts (%s) Tj " % (size, rise, text.encode())


@pytest.mark.parametrize(
    ("drawn", "text"),
    [
        (((12, 0, "10"), (7, 5, "6"), (12, 0, " m"), (7, 5, "2"), (12, 0, ", CO"), (7, -3, "2"), (12, 0, " in 106")),
         "10⁶ m², CO₂ in 106"),
        (((12, 0, "10"), (7, 5, "-12"), (12, 0, " kg")), "10⁻¹² kg"),
        (((12, 0, "A"), (9, 0, "2"), (12, 0, " 5"), (12, 3, "7")), "A2 57"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("scale", [1, 12])
def test_raised_and_lowered_digits_are_told_apart(
    drawn: tuple[tuple[float, float, str], ...], text: str, scale: int
) -> None:
    runs = b"".join(text_at(size / scale, rise / scale, one) for size, rise, one in drawn)
    content = b"BT %d 0 0 %d 50 700 Tm %sET" % (scale, scale, runs)
    assert read_pdf(annotated_pdf(content, [])).text == text


def test_layers_that_are_switched_off_are_left_out() -> None:
    layers = b"".join(
        b"/OC /%s BDC BT /F 12 Tf 50 %d Td (%s) Tj ET EMC\n" % one
        for one in ((b"On", 600, b"Shown"), (b"Off", 500, b"Hidden"))
    )
    recognised = b"/OC /On BDC BT /F 12 Tf 3 Tr 50 300 Td (Recognised) Tj ET EMC\n"
    font = b"/Font << /F 5 0 R >>"
    data = pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R /OCProperties << /OCGs [6 0 R 7 0 R] /D << /OFF [7 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << "
        b"/Properties << /On 6 0 R /Off 7 0 R >> /XObject << /X 8 0 R >> %s >> >>" % font,
        stream_of(printed("Always") + b"\n" + layers + recognised + b"/X Do"),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /OCG /Name (On) >>",
        b"<< /Type /OCG /Name (Off) >>",
        stream_of(
            printed("", "", "In a form"),
            b"/Type /XObject /Subtype /Form /BBox [0 0 600 800] /OC 7 0 R /Resources << %s >>" % font,
        ),
    )
    assert read_pdf(data).text == "Always\nShown\nRecognised"
    assert "Hidden" in read_pdf(data.replace(b"/OFF [7 0 R]", b"/OFF [     ]")).text
