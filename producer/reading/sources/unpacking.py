"""Unpack a compressed input block by block, in bounded memory."""

import zlib
from collections.abc import Iterable, Iterator

from qwenq.producer.reading.formats import Compression

BLOCK_BYTES = 1 << 18
# The library unpacks all that it gets, and 4 bytes can hold 128 KiB: 512 bytes are 16 MiB at the worst. Pieces this
# small cost no measurable speed.
ZSTD_PIECE_BYTES = 512
GZIP_WINDOW = 31  # zlib: the largest window, and a gzip header


class BrokenOff(Exception):
    """The input broke off: truncated, damaged, or unreadable. `rest` is its last, unfinished line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rest = b""


def unpacked(blocks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Unpack gzip or zstd data, into blocks of at most BLOCK_BYTES. Raises BrokenOff."""
    return _gunzipped(blocks) if compression is Compression.GZIP else _unzstd(blocks)


def _gunzipped(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A file may hold several gzip members in a row, and zeros behind them."""
    member = zlib.decompressobj(GZIP_WINDOW)
    for block in blocks:
        data = block
        # Without input, the call returns what zlib holds but had no room to return.
        while data or not member.eof:
            if member.eof:
                data = data.lstrip(b"\0")
                member = zlib.decompressobj(GZIP_WINDOW) if data else member
            plain = _inflated(member, data)
            if plain:
                yield plain
            elif not data:
                break
            data = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise BrokenOff("its gzip data is truncated")


def _inflated(member: "zlib._Decompress", data: bytes) -> bytes:
    try:
        return member.decompress(data, BLOCK_BYTES)
    except zlib.error as error:
        raise BrokenOff(f"its gzip data is damaged ({error})") from None


def _unzstd(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """A file may hold several zstd frames in a row."""
    import zstandard

    decompressor = zstandard.ZstdDecompressor()
    frame = decompressor.decompressobj()
    for piece in _pieces(blocks, ZSTD_PIECE_BYTES):
        data = piece
        while data:
            if frame.eof:
                frame = decompressor.decompressobj()
            try:
                plain = frame.decompress(data)
            except zstandard.ZstdError as error:
                raise BrokenOff(f"its zstd data is damaged ({error})") from None
            yield from _pieces((plain,), BLOCK_BYTES)
            data = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise BrokenOff("its zstd data is truncated")


def _pieces(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        for start in range(0, len(block), size):
            yield block[start : start + size]
