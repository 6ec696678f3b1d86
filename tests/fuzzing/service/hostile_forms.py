"""Forms with a file: sane ones whose content is known, and hostile ones."""

import random
from dataclasses import dataclass

from tests.fuzzing.service import hostile_values

_PURPOSES = ("batch", "batch", "batch", "user_data", "vision", "evals", "assistants", "fine-tune")
_LINE = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\n'
_HEADERS = (
    b"Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%ff%00",
    b'Content-Disposition: form-data; name="file"; filename="a.jsonl"; name="purpose"',
    b"Content-Disposition: form-data; name=file; filename=a.jsonl",
    b"content-disposition:form-data;name=file;filename=a",
    b'Content-Disposition: attachment; name="file"; filename="x"',
    b'Content-Disposition: form-data; name="file"; filename="' + b"n" * 9_000 + b'"',
    b'Content-Disposition: form-data; name="file"; filename="\xff\xfe"',
    b"Content-Disposition: form-data",
    b"Content-Transfer-Encoding: base64",
    b"Content-Type: application/x-gzip\r\nContent-Encoding: gzip",
    b"X: " + b"y" * 20_000,
    b": empty",
    b"no colon",
)


@dataclass(frozen=True, slots=True)
class DrawnForm:
    """A body with its content type. `content` is what must be stored if it is accepted; None: it cannot be known."""

    kind: bytes
    body: bytes
    content: bytes | None


def drawn_form(drawn: random.Random, field: str = "file", content: bytes | None = None) -> DrawnForm:
    """A form as one of the clients sends it, or one that nobody should send; `field` has the file."""
    boundary = _boundary(drawn)
    content = _content(drawn, boundary) if content is None else content
    parts = [_file(drawn, field, content)] + [_field(name, value) for name, value in _fields(drawn)]
    drawn.shuffle(parts)
    if drawn.random() < 0.2:
        parts.insert(drawn.randrange(len(parts) + 1), _odd_part(drawn))
        content_known = None
    else:
        content_known = content
    body = (
        b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"
    )
    kind = b"multipart/form-data; boundary=" + boundary
    if drawn.random() < 0.4:
        whole = body
        body = hostile_values.damaged(drawn, body)
        kind = kind if drawn.random() < 0.8 else _odd_kind(drawn, boundary)
        if body != whole:
            content_known = None
    return DrawnForm(kind, body, content_known)


def _boundary(drawn: random.Random) -> bytes:
    return drawn.choice((b"b", b"-" * 30 + b"7", b"x" * 70, b"a'()+_,-./:=?b", b"0123456789abcdef"))


def _content(drawn: random.Random, boundary: bytes) -> bytes:
    near = (
        b"\r\n--" + boundary[:-1],
        b"\r\n-",
        b"\r",
        b"\r\n",
        b"--" + boundary,
        b"\n--" + boundary,
        b"\r\r\n--",
    )
    pieces: list[bytes] = []
    for _ in range(drawn.randrange(6)):
        chance = drawn.random()
        if chance < 0.5:
            pieces.append(_LINE)
        elif chance < 0.8:
            pieces.append(drawn.choice(near))
        else:
            pieces.append(drawn.randbytes(drawn.randrange(60)))
    content = b"".join(pieces)
    # A content with the delimiter in it would be two parts, and the client's own fault.
    return content.replace(b"\r\n--" + boundary, b"") if not content.startswith(b"--" + boundary) else b""


def _fields(drawn: random.Random) -> list[tuple[str, str]]:
    fields = [("purpose", drawn.choice(_PURPOSES) if drawn.random() < 0.9 else hostile_values.text(drawn))]
    if drawn.random() < 0.3:
        seconds = drawn.choice(("3600", "2592000", "3599", "-1", "1e9", "٣٦٠٠", hostile_values.text(drawn)))
        fields += [("expires_after[anchor]", "created_at"), ("expires_after[seconds]", seconds)]
    for _ in range(drawn.choice((0, 0, 0, 1, 70))):
        fields.append((hostile_values.text(drawn)[:200], hostile_values.text(drawn)[:1_000]))
    return fields[: drawn.choice((0, 1, 99, 99, 99, 99))]


def _field(name: str, value: str) -> bytes:
    quoted = name.replace('"', "%22").replace("\r", "").replace("\n", "").replace("\\", "")
    return f'Content-Disposition: form-data; name="{quoted}"\r\n\r\n{value}'.encode("utf-8", "replace")


def _file(drawn: random.Random, field: str, content: bytes) -> bytes:
    name = drawn.choice(("a.jsonl", "upload", "a.jsonl", "", "x.JSONL", hostile_values.text(drawn)[:300]))
    quoted = name.replace('"', "%22").replace("\r", "").replace("\n", "").replace("\\", "")
    head = f'Content-Disposition: form-data; name="{field}"; filename="{quoted}"\r\n'.encode(
        "utf-8", "replace"
    )
    return head + b"Content-Type: application/octet-stream\r\n\r\n" + content


def _odd_part(drawn: random.Random) -> bytes:
    headers = b"\r\n".join(drawn.choice(_HEADERS) for _ in range(drawn.randrange(1, 4)))
    return headers + b"\r\n\r\n" + drawn.randbytes(drawn.randrange(30))


def _odd_kind(drawn: random.Random, boundary: bytes) -> bytes:
    return drawn.choice(
        (
            b"multipart/form-data",
            b"multipart/form-data; boundary=",
            b'multipart/form-data; boundary="' + boundary + b'"; boundary=c',
            b"multipart/mixed; boundary=" + boundary,
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=\xff",
            b"multipart/form-data; boundary=" + b"b" * 5_000,
            b"",
        )
    )
