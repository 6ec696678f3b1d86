"""The format and the compression of an input: as given, else by the ending of its name or its first bytes."""

from enum import StrEnum
from pathlib import PurePath

from qwenq.producer.reading.foreign_kinds import advice_for, why_not_read
from qwenq.schemas.errors import UnknownFormat, UnreadableInput


class Format(StrEnum):
    """The format of an input. CSV has commas, TSV tabs. In the last four formats, a file is one document."""

    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"
    XLSX = "xlsx"
    TEXT = "text"
    HTML = "html"
    PDF = "pdf"
    DOCX = "docx"

    @property
    def is_document(self) -> bool:
        """Whether a file of this format is one document, not rows."""
        return self in _DOCUMENTS


class Compression(StrEnum):
    """How an input is compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_DOCUMENTS = frozenset({Format.TEXT, Format.HTML, Format.PDF, Format.DOCX})
_STREAMED = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSONL,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
}
_FORMATS = {
    **_STREAMED,
    ".parquet": Format.PARQUET,
    ".xlsx": Format.XLSX,
    ".xlsm": Format.XLSX,
    ".txt": Format.TEXT,
    ".md": Format.TEXT,
    ".markdown": Format.TEXT,
    ".text": Format.TEXT,
    ".log": Format.TEXT,
    ".rst": Format.TEXT,
    ".adoc": Format.TEXT,
    ".asc": Format.TEXT,
    ".org": Format.TEXT,
    ".tex": Format.TEXT,
    ".srt": Format.TEXT,
    ".vtt": Format.TEXT,
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".xhtml": Format.HTML,
    ".xht": Format.HTML,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
_FIRST_BYTES = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}


def known_format(name: str) -> Format | None:
    """The format by a name's ending, behind which `.gz` or `.zst` may stand; None if the ending is unknown."""
    path = PurePath(name.lower())
    if path.suffix in _COMPRESSIONS:
        return _STREAMED.get(path.with_suffix("").suffix)
    return _FORMATS.get(path.suffix)


def format_of_name(name: str) -> Format:
    """The format by a name's ending. Raises UnknownFormat, and UnreadableInput for a kind that no format reads."""
    found = known_format(name)
    if found is None and advice_for(name):
        raise UnreadableInput(source=name, reason=why_not_read(name, is_named=True))
    if found is None:
        raise UnknownFormat(source=name, known=", ".join(Format))
    return found


def format_of_text(name: str, head: bytes) -> Format:
    """The format of a nameless input, by the beginning of its text. Raises UnknownFormat."""
    if head.lstrip().startswith((b"{", b"[")):
        return Format.JSONL
    raise UnknownFormat(source=name, known=", ".join(Format))


def compression_of_name(name: str) -> Compression:
    """The compression by a name's ending."""
    return _COMPRESSIONS.get(PurePath(name.lower()).suffix, Compression.NONE)


def compression_of_bytes(head: bytes) -> Compression:
    """The compression by an input's first bytes. UTF-8 text never begins with them."""
    for signature, compression in _FIRST_BYTES.items():
        if head.startswith(signature):
            return compression
    return Compression.NONE
