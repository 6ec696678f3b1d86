"""Make PDFs with what real ones have beside text: form fields, annotations, scanned pages, fonts without a map."""

import io
from collections.abc import Sequence


def pdf_of_objects(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1. The first is the catalog."""
    data = io.BytesIO()
    data.write(b"%PDF-1.7\n")
    places = []
    for number, one in enumerate(objects, 1):
        places.append(data.tell())
        data.write(b"%d 0 obj\n%s\nendobj\n" % (number, one))
    start = data.tell()
    data.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    data.writelines(b"%010d 00000 n \n" % place for place in places)
    data.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start))
    return data.getvalue()


def stream_of(content: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def printed(*lines: str) -> bytes:
    """Drawing operators for lines of text, one below the other from y = 700 in steps of 30, at x = 50."""
    shown = [
        b"BT /F 12 Tf 50 %d Td (%s) Tj ET" % (700 - 30 * place, line.encode())
        for place, line in enumerate(lines)
    ]
    return b"\n".join(shown)


def annotated_pdf(
    content: bytes,
    annotations: Sequence[bytes],
    catalog: bytes = b"",
    font: bytes = b"",
    more: Sequence[bytes] = (),
) -> bytes:
    """A PDF of one page. The annotations are the objects from 6 on, `more` stands behind them."""
    numbers = [6 + place for place in range(len(annotations))]
    listed = b" ".join(b"%d 0 R" % number for number in numbers)
    return pdf_of_objects(
        b"<< /Type /Catalog /Pages 2 0 R %s >>" % catalog,
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Annots [%s] "
        b"/Resources << /Font << /F 5 0 R >> >> >>" % listed,
        stream_of(content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica %s >>" % font,
        *annotations,
        *more,
    )


def form_pdf(content: bytes, fields: Sequence[bytes]) -> bytes:
    """A PDF form of one page. The fields are the objects from 6 on."""
    numbers = b" ".join(b"%d 0 R" % (6 + place) for place in range(len(fields)))
    entries = [b"<< /Type /Annot /Subtype /Widget " + field + b" >>" for field in fields]
    return annotated_pdf(content, entries, b"/AcroForm << /Fields [%s] /DR << >> >>" % numbers)


def scan_pdf(pages: Sequence[str], *, stamp: str = "", layer: str = "", size: float = 10) -> bytes:
    """A PDF of pages: `scan` is a picture, `blank` nothing, anything else is text.

    `stamp` is printed small on each scan, with `{page}` for its number; `layer` invisibly, as text recognition does.
    """
    from fpdf import FPDF
    from PIL import Image, ImageDraw

    picture = Image.new("L", (300, 420), 255)
    for place in range(20, 400, 20):
        ImageDraw.Draw(picture).line((20, place, 280, place), fill=0, width=6)
    pdf = FPDF()
    pdf.set_auto_page_break(auto=False)
    for number, page in enumerate(pages, 1):
        pdf.add_page()
        pdf.set_font("Helvetica", size=12)
        if page == "scan":
            pdf.image(picture, x=0, y=0, w=pdf.w, h=pdf.h)
            pdf.set_font("Helvetica", size=size)
            if stamp:
                pdf.text(80, 290, stamp.format(page=number))
            if layer:
                with pdf.local_context(text_mode=3):
                    pdf.text(20, 50, layer)
        elif page != "blank":
            pdf.multi_cell(0, text=page)
    return bytes(pdf.output())
