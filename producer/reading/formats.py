"""The format of an input: said by the person, or seen from the ending of its name."""

from enum import StrEnum
from pathlib import PurePath

from schemas.errors import UnknownFormat


class Format(StrEnum):
    """How rows are written down. CSV is cut by commas, TSV by tabs; both have a header."""

    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"


class Compression(StrEnum):
    """How the bytes of an input are packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


_FORMATS = {
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".csv": Format.CSV,
    ".tsv": Format.TSV,
}
_COMPRESSIONS = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}
_FIRST_BYTES = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}


def format_of_name(name: str) -> Format:
    """The format that a name's ending says, `.gz` and `.zst` set aside. Raises UnknownFormat."""
    path = PurePath(name.lower())
    if path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    found = _FORMATS.get(path.suffix)
    if found is None:
        raise UnknownFormat(source=name)
    return found


def format_of_text(name: str, head: bytes) -> Format:
    """The format of an input without a name, from how its text begins. Raises UnknownFormat."""
    if head.lstrip().startswith(b"{"):
        return Format.JSONL
    raise UnknownFormat(source=name)


def compression_of_name(name: str) -> Compression:
    """The compression that a name's ending says."""
    return _COMPRESSIONS.get(PurePath(name.lower()).suffix, Compression.NONE)


def compression_of_bytes(head: bytes) -> Compression:
    """The compression that an input really has. Neither signature can begin a text in UTF-8."""
    for signature, compression in _FIRST_BYTES.items():
        if head.startswith(signature):
            return compression
    return Compression.NONE
