"""Any bytes as an input: no row is lost or invented, and every document can be rendered.

The first byte of a case says how to read the rest (`Way`); the second, for a damaged archive, where to cut it.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import zstandard

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.formats import Compression, compression_of_bytes
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import DocumentFailed, UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate

_MARK = b"\xef\xbb\xbf"
# Excel's first line, which is no row, and the end mark of DOS.
_SPECIAL = re.compile(rb'^(?:\xef\xbb\xbf)?"?sep=|\x1a\Z', re.IGNORECASE)
_FORMATS = (Format.JSONL, Format.CSV, Format.TSV, None)
_PROMPTS = (
    PromptSpec(),
    PromptSpec(template="{{ row }} {{ text | default('') }}", system="Be brief."),
    PromptSpec(id_column="key", text_column="body"),
    PromptSpec(template="{% for said in messages %}{{ said.content }}{% endfor %}"),
)
_TEMPLATES = tuple(PromptTemplate.from_spec(prompt) for prompt in _PROMPTS)
_PARAMS = GenerationParams()


@dataclass(frozen=True)
class Way:
    """How a case is read, from the bits of its first byte: format, prompt, packing, and whether the pack is cut."""

    format: Format | None
    prompt: int
    packing: Compression
    cut: bool

    @classmethod
    def of(cls, bits: int) -> "Way":
        """Decode two bits each for format, prompt and packing, and one for the cut."""
        packing = (Compression.NONE, Compression.NONE, Compression.GZIP, Compression.ZSTD)[bits >> 4 & 3]
        cut = bool(bits & 64) and packing != Compression.NONE
        return cls(_FORMATS[bits & 3], bits >> 2 & 3, packing, cut)


def check(case: bytes) -> None:
    """Read a case. Raises AssertionError for a lost or invented row, and any unexpected exception."""
    way, plain = Way.of(case[0] if case else 0), case[1:]
    place = plain[0] if way.cut and plain else 0
    packed = _packed(plain, way.packing)
    data = packed[: place * len(packed) // 256] if way.cut else packed
    found: list[str] = []
    try:
        rows = _read(data, way, found)
    except UsageError:
        return
    for row in rows:
        _check_row(row, way)
    _check_order(rows)
    if compression_of_bytes(data) == Compression.NONE:
        if not found and not _SPECIAL.search(data):
            _check_count(rows, data.removeprefix(_MARK), way)
    elif way.cut:
        _check_beginning(rows, plain, way)
    elif way.packing != Compression.NONE:
        assert rows == _read_plain(plain, way), "an archive gives other rows than its contents"


def _packed(plain: bytes, packing: Compression) -> bytes:
    match packing:
        case Compression.GZIP:
            return gzip.compress(plain, 1, mtime=0)
        case Compression.ZSTD:
            return zstandard.ZstdCompressor(1).compress(plain)
        case Compression.NONE:
            return plain


def _read(data: bytes, way: Way, found: list[str] | None = None) -> list[Row]:
    """The rows of an input. `found` gets what was found out of it."""
    tell = None if found is None else found.append
    prompt = _PROMPTS[way.prompt]
    return list(read_rows(["-"], way.format, prompt, _PARAMS, stdin=io.BytesIO(data), tell=tell))


def _read_plain(plain: bytes, way: Way) -> list[Row]:
    """The rows of an archive's contents, read as text whatever they begin with."""
    whole = gzip.compress(plain, 0, mtime=0)
    return _read(whole, way)


def _check_row(row: Row, way: Way) -> None:
    text = "".join(map(str, row))
    text.encode()
    assert "\0" not in text, "PostgreSQL keeps no NUL"
    assert row.line > 0
    if isinstance(row, BadRow):
        assert row.reason
        return
    assert row.custom_id
    assert isinstance(orjson.loads(row.content), dict)
    try:
        rendered = _TEMPLATES[way.prompt].render(row.content)
    except DocumentFailed as error:
        str(error).encode()
        return
    _PARAMS.overlaid(rendered.overrides)
    assert rendered.prompt.shortened(rendered.prompt.document_chars) == rendered.prompt.messages
    rendered.prompt.shortened(rendered.prompt.document_chars // 2)


def _check_order(rows: list[Row]) -> None:
    lines = [row.line for row in rows]
    assert lines == sorted(lines), "rows are out of order"


def _check_beginning(rows: list[Row], plain: bytes, way: Way) -> None:
    """Check that a cut archive gives the rows of the whole one, and a last row that says what happened."""
    assert isinstance(rows[-1], BadRow), "no row says that the input broke off"
    try:
        whole = _read_plain(plain, way)
    except UsageError:
        return
    if way.format == Format.JSONL:
        # The line that was cut is a bad row of its own.
        documents = [row for row in rows if isinstance(row, Document)]
        assert documents == [row for row in whole if isinstance(row, Document)][: len(documents)]


def _check_count(rows: list[Row], text: bytes, way: Way) -> None:
    """Count the rows of a table without the reader: those of the csv module. JSON values may share lines."""
    if way.format in (Format.JSONL, None):
        return
    delimiter = "," if way.format == Format.CSV else "\t"
    header = text.lstrip().partition(b"\n")[0]
    if delimiter.encode() in text and delimiter.encode() not in header:
        return  # a table of one column: what cuts its texts is no delimiter
    records = _records(text, delimiter)
    if records is None:
        filled = sum(1 for line in text.split(b"\n") if line.strip() or delimiter.encode() in line)
        assert len(rows) < max(filled, 1), "more rows than lines below the header"
    else:
        assert [row.line for row in rows] == records[1:]
    good = [row for row in rows if isinstance(row, Document)]
    assert len({tuple(orjson.loads(row.content)) for row in good}) <= 1, "columns differ from row to row"


def _records(text: bytes, delimiter: str) -> list[int] | None:
    """The first lines of a table's records, without blank lines; None if its quoting is broken."""
    lines = text.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    begins: list[int] = []
    at = columns = 0
    taken: list[str] = []

    def feed() -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line + "\n"

    try:
        for fields in csv.reader(feed(), delimiter=delimiter, strict=True):
            its = taken[at:]
            blank = len(its) == 1 and not its[0].encode("utf-8", "surrogateescape").strip()
            # A line of tabs alone may be a row: it has as many empty fields as there are columns.
            if not blank or (begins and len(fields) == columns > 1):
                begins.append(at + 1)
            columns = columns or (0 if blank else len(fields))
            at = len(taken)
    except csv.Error:
        return None
    return begins
