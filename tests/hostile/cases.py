"""The hostile files: small ones, made here, that took all memory or time of the process that read them."""

import gzip
import io
import zipfile
from collections.abc import Callable
from functools import cache

from tests.hostile.archives import archive, merged, shared_strings, sheet, text_row, word
from tests.hostile.pdfs import many_pages, much_text, nested_forms, nested_states, packed_twice
from tests.word_files import definition, level, numbered, paragraph, word_of

MIB = 1 << 20
_PARAGRAPH = "<w:p><w:r><w:t>x</w:t></w:r></w:p>"


def _merge_amplify() -> bytes:
    rows = [text_row(1, "x" * 32_000), *(text_row(number, "y", "B") for number in range(2, 20_000))]
    return sheet(rows, merged("A1:XFD1048576"))


def _merge_tall() -> bytes:
    rows = [text_row(1, "text"), text_row(2, "x" * 32_000)]
    return sheet([*rows, *(text_row(n, "y") for n in range(3, 20_000))], merged("A2:XFD1048576"))


def _merge_wide() -> bytes:
    rows = [text_row(number, "text" if number == 1 else "x") for number in range(1, 20_000)]
    return sheet(rows, merged(*(f"B{number}:XFD{number}" for number in range(1, 20_000))))


def _far_column() -> bytes:
    return sheet([text_row(1, "text"), *(text_row(number, "x", "XFD") for number in range(2, 20_000))])


def _parquet() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    written = io.BytesIO()
    parquet.write_table(pa.table({"text": ["x" * MIB] * 3_000}), written, compression="zstd")
    return written.getvalue()


def _shared_texts() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    written = io.BytesIO()
    texts = pa.array(["short"] * 5_000 + ["x" * (6 * MIB)] * 600).dictionary_encode()
    parquet.write_table(pa.table({"text": texts}), written, compression="zstd")
    return written.getvalue()


def _long_texts() -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    written = io.BytesIO()
    texts = pa.table({"text": ["x" * (500 * MIB), "y" * (500 * MIB)]})
    parquet.write_table(texts, written, compression="brotli")
    return written.getvalue()


CASES: dict[str, Callable[[], bytes]] = {
    "xobject_lol.pdf": lambda: nested_forms(12, 10),
    "flate_flate_500m.pdf": lambda: packed_twice(500 * MIB),
    "text_200m.pdf": lambda: much_text(200 * MIB),
    "text_20m.pdf": lambda: much_text(20 * MIB),
    "q_nest.pdf": lambda: nested_states(40 * MIB),
    "many_pages.pdf": lambda: many_pages(20_000),
    "merge_amplify.xlsx": _merge_amplify,
    "merge_tall.xlsx": _merge_tall,
    "merges_regex.xlsx": lambda: sheet(
        [text_row(1, "text"), text_row(2, "x")], ["<mergeCell " * 20_000] * 100
    ),
    "merges_many.xlsx": lambda: sheet([text_row(1, "text"), text_row(2, "x")], merged(*["A1:B2"] * 500_000)),
    "merge_wide.xlsx": _merge_wide,
    "farcol.xlsx": _far_column,
    "strings.xlsx": lambda: sheet([text_row(1, "text")], strings=shared_strings("x" * 100, 4_000_000)),
    "manycols.csv": lambda: b",".join(b"c%d" % number for number in range(200_000)) + b"\nx\n",
    "attrs.html": lambda: b"<p" + b"".join(b" a%d=1" % number for number in range(500_000)) + b">x",
    "many_p.html": lambda: b"<p>" * (4 * MIB),
    "stored_png.docx": lambda: word([_PARAGRAPH * 1_000] * 2_100, "word/doc.png", zipfile.ZIP_STORED),
    "xml_60m_tiny.docx": lambda: word(["<w:p/>" * MIB] * 10),
    "styles.docx": lambda: word_of(
        paragraph("x", '<w:pStyle w:val="s1"/>') * 50_000,
        styles="".join(
            f'<w:style w:styleId="s{one}"><w:basedOn w:val="s{one + 1}"/></w:style>' for one in range(50_000)
        ),
    ),
    "levels.docx": lambda: word_of(
        numbered("x") * 5_000,
        numbering=definition(*(level(one, "decimal", "%1." * 9_999) for one in range(200))),
    ),
    "chunks.docx": lambda: word_of('<w:altChunk r:id="a.txt"/>' * 100_000, embedded={"a.txt": b"x" * MIB}),
    "fields.docx": lambda: word_of('<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>' * 200_000),
    "parts.docx": lambda: archive({f"part{number}": "" for number in range(70_000)}),
    "dictionary.parquet": _parquet,
    "shared_texts.parquet": _shared_texts,
    "long_texts.parquet": _long_texts,
    "guess.txt": lambda: b"\xe9t\xe9 \xb1\xf3\xbf " * (4 * MIB),
    "deep.jsonl": lambda: b"[" * MIB + b'\n{"a":' * 1_000 + b"\n",
    "wide.csv": lambda: b"text\n" + b"ab," * (5 * MIB) + b"\n",
    "members.jsonl.gz": lambda: gzip.compress(b"", mtime=0) * 200_000,
}


@cache
def hostile(name: str) -> bytes:
    """The bytes of a hostile file."""
    return CASES[name]()
