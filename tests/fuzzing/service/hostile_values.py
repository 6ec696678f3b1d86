"""Values, names and bytes that have broken servers before, drawn at random."""

import json
import random
from typing import Any

TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "null",
    "-1",
    "0",
    "1e999",
    "9" * 400,
    "../../../etc/passwd",
    "..%2f..%2f",
    "%00",
    "%",
    "%zz",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "\u202e\u2066abc",
    "\uffff\U0010ffff",
    "e\u0301" * 50,
    "\x7f\x1b[31m",
    "\r\nset-cookie: a=b",
    "'; DROP TABLE files; --",
    "{{ 7 * 7 }}",
    "<script>alert(1)</script>",
    "a" * 70_000,
    "created_at",
    "batch",
    "24h",
    "/v1/chat/completions",
    "file-",
    "batch_",
    "échec",
    "日本語",
)
LITERALS = (
    b"NaN",
    b"Infinity",
    b"-0",
    b"1e400",
    b"-1e400",
    b"123456789012345678901234567890",
    b"0.1",
    b"1" * 5_000,
    b'"\\ud800"',
    b'"\\u0000"',
    b'"\xff\xfe"',
    b"\xef\xbb\xbf{}",
    b"[" * 5_000,
    b'{"a":' * 3_000,
    b"true",
    b"",
    b"'a'",
    b'{"a":1,"a":2}',
)


def text(drawn: random.Random) -> str:
    """A text, seldom a sane one."""
    if drawn.random() < 0.7:
        return drawn.choice(TEXTS)
    return "".join(chr(drawn.choice((drawn.randrange(128), drawn.randrange(0x2FFF)))) for _ in range(12))


def value(drawn: random.Random, depth: int = 0) -> Any:
    """A JSON value of any type."""
    kind = drawn.randrange(8 if depth < 3 else 6)
    simple = (None, True, drawn.randrange(-5, 5), drawn.randrange(10**18), drawn.uniform(-1e9, 1e9))
    if kind < len(simple):
        return simple[kind]
    if kind == len(simple):
        return text(drawn)
    if kind == len(simple) + 1:
        return [value(drawn, depth + 1) for _ in range(drawn.randrange(4))]
    return {text(drawn): value(drawn, depth + 1) for _ in range(drawn.randrange(4))}


def as_json(drawn: random.Random, body: Any) -> bytes:
    """A body as JSON: plain, in another encoding, or with a literal that JSON does not know in it."""
    data = json.dumps(body, ensure_ascii=drawn.random() < 0.5).encode("utf-8", "replace")
    chance = drawn.random()
    if chance < 0.03:
        return data.decode().encode(drawn.choice(("utf-16", "utf-32", "utf-8-sig", "latin-1")), "replace")
    if chance < 0.2:
        places = [place for place, byte in enumerate(data) if byte == ord(":")]
        if places:
            place = drawn.choice(places) + 1
            return data[:place] + drawn.choice(LITERALS) + data[place:]
    return data


def damaged(drawn: random.Random, data: bytes) -> bytes:
    """The bytes with a few of them changed, cut out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(drawn.choice((0, 0, 1, 1, 2, 5))):
        if not changed:
            break
        place, length = drawn.randrange(len(changed)), drawn.randrange(1, 20)
        match drawn.randrange(5):
            case 0:
                changed[place] = drawn.randrange(256)
            case 1:
                del changed[place : place + length]
            case 2:
                changed[place:place] = changed[place : place + length] * drawn.randrange(1, 4)
            case 3:
                changed[place:place] = drawn.choice((b"\0", b"\r\n", b"--", b'"', b"\xff", b";", b"="))
            case _:
                del changed[place:]
    return bytes(changed)


def in_pieces(drawn: random.Random, data: bytes) -> list[bytes]:
    """The bytes as they may arrive."""
    if drawn.random() < 0.5 or len(data) < 2:
        return [data]
    cuts = sorted(drawn.randrange(len(data)) for _ in range(drawn.choice((1, 2, 8))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
