"""Small PDF files that take all memory or time of PDFium."""

import zlib
from collections.abc import Sequence

_BLOCK = 1 << 20


def pdf(contents: bytes, *objects: bytes, resources: bytes = b"", filters: bytes = b"/FlateDecode") -> bytes:
    """A PDF of one page. `contents` is its packed stream; `objects` get the numbers from 6."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
    page += b" /Resources << /Font << /F1 5 0 R >> %b >> >>" % resources
    return _written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        b"<< /Length %d /Filter [%b] >>\nstream\n%b\nendstream" % (len(contents), filters, contents),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *objects,
    )


def many_pages(count: int) -> bytes:
    """A PDF with one page that counts many times."""
    return _written(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (b"3 0 R " * count, count),
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] >>",
    )


def nested_forms(depth: int, each: int) -> bytes:
    """Forms that draw forms: each of them several times."""
    names = b" ".join(b"/X%d %d 0 R" % (number, 6 + number) for number in range(depth))
    resources = b"/XObject << %b >>" % names
    forms = []
    for number in range(depth):
        last = number == depth - 1
        drawn = b"BT /F1 9 Tf (lol) Tj ET" if last else b"/X%d Do " % (number + 1) * each
        forms.append(
            b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << %b >> /Length %d >>\n"
            b"stream\n%b\nendstream" % (resources, len(drawn), drawn)
        )
    return pdf(zlib.compress(b"/X0 Do"), *forms, resources=resources)


def packed_twice(size: int) -> bytes:
    """A page of this many bytes, packed twice."""
    return pdf(zlib.compress(packed(b"q Q ", size), 9), filters=b"/FlateDecode /FlateDecode")


def much_text(size: int) -> bytes:
    """A page with this many bytes of text."""
    return pdf(packed(b"(some text) Tj ", size, b"BT /F1 9 Tf ", b" ET"))


def nested_states(size: int) -> bytes:
    """Graphics states that are saved and never restored."""
    return pdf(packed(b"q ", size))


def packed(pattern: bytes, size: int, head: bytes = b"", tail: bytes = b"") -> bytes:
    """A pattern repeated up to a size, packed without holding it."""
    packer = zlib.compressobj(9)
    block = pattern * (_BLOCK // len(pattern))
    pieces = [packer.compress(head)]
    pieces += [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*pieces, packer.compress(tail), packer.flush()])


def _written(*objects: bytes) -> bytes:
    written, places = b"%PDF-1.7\n", list[int]()
    for number, content in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    return written + _table(places, len(written))


def _table(places: Sequence[int], at: int) -> bytes:
    table = b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    table += b"".join(b"%010d 00000 n \n" % place for place in places)
    return table + b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(places) + 1, at)
