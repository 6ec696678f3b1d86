"""Characters that a cut-off answer ends within: their first bytes are there, their last are not."""

import re
from codecs import getincrementaldecoder
from collections.abc import Sequence

REPLACEMENT = "\ufffd"
_FALLBACK = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_PRINTED = {byte for first, last in ((33, 126), (161, 172), (174, 255)) for byte in range(first, last + 1)}
_OTHERS = [byte for byte in range(256) if byte not in _PRINTED]
_BYTE_OF = {chr(byte): byte for byte in _PRINTED} | {chr(256 + at): byte for at, byte in enumerate(_OTHERS)}
"""How byte-level tokenizers (GPT-2's, Qwen's) write bytes in their tokens."""


def is_one_byte(token: str) -> bool:
    """Whether it is a token of a tokenizer that falls back to bytes, such as Llama 2's: a byte by its number."""
    return _FALLBACK.fullmatch(token) is not None


def unfinished_bytes(tokens: Sequence[str]) -> int:
    """Count the bytes at the end of the tokens that begin a character of UTF-8 and do not complete it: at most 3."""
    decoder = getincrementaldecoder("utf-8")("replace")
    decoder.decode(b"".join(map(_bytes_of, tokens)))
    return len(decoder.getstate()[0])


def _bytes_of(token: str) -> bytes:
    if found := _FALLBACK.fullmatch(token):
        return bytes([int(found[1], 16)])
    if all(character in _BYTE_OF for character in token):
        return bytes(_BYTE_OF[character] for character in token)
    return token.encode()
