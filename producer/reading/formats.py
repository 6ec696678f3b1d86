"""The format of an input: said by the person, or seen from the ending of its name."""

from enum import StrEnum
from pathlib import PurePath

from qwenq.schemas.errors import UnknownFormat


class Format(StrEnum):
    """How an input is written down. CSV is cut by commas, TSV by tabs. Of the last four, a file is one document."""

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
        """Whether a file is one document, not rows."""
        return self in _DOCUMENTS


class Compression(StrEnum):
    """How the bytes of an input are packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_DOCUMENTS = frozenset({Format.TEXT, Format.HTML, Format.PDF, Format.DOCX})
_STREAMED = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
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
    ".html": Format.HTML,
    ".htm": Format.HTML,
    ".pdf": Format.PDF,
    ".docx": Format.DOCX,
}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
_FIRST_BYTES = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}


def known_format(name: str) -> Format | None:
    """The format that a name's ending says, `.gz` and `.zst` set aside; None when it says none that is read."""
    path = PurePath(name.lower())
    if path.suffix in _COMPRESSIONS:
        return _STREAMED.get(path.with_suffix("").suffix)
    return _FORMATS.get(path.suffix)


def format_of_name(name: str) -> Format:
    """The same. Raises UnknownFormat when it says none."""
    found = known_format(name)
    if found is None:
        raise UnknownFormat(source=name, known=", ".join(Format))
    return found


def format_of_text(name: str, head: bytes) -> Format:
    """The format of an input without a name, from how its text begins. Raises UnknownFormat."""
    if head.lstrip().startswith(b"{"):
        return Format.JSONL
    raise UnknownFormat(source=name, known=", ".join(Format))


def compression_of_name(name: str) -> Compression:
    """The compression that a name's ending says."""
    return _COMPRESSIONS.get(PurePath(name.lower()).suffix, Compression.NONE)


def compression_of_bytes(head: bytes) -> Compression:
    """The compression that an input really has. Neither signature can begin a text in UTF-8."""
    for signature, compression in _FIRST_BYTES.items():
        if head.startswith(signature):
            return compression
    return Compression.NONE
