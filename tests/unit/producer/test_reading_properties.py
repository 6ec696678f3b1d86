"""Whatever bytes come in, rows come out, and every line is accounted for."""

import gzip
import io
import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.readers import shared_reader

UNTIMED = settings(deadline=None)  # the machine may be busy with something else
NASTY = [
    b'"',
    b",",
    b"\t",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"a",
    b"\xc3\xbc",
    b'""',
    b"{",
    b"}",
]
BYTES = st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(NASTY), max_size=40).map(b"".join))
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
)
MESSAGE = st.dictionaries(st.sampled_from(["role", "content"]), st.sampled_from(["user", "", "system"]))
MESSAGES = st.lists(st.one_of(MESSAGE, SCALAR), max_size=3)
FIELDS = st.sampled_from(["messages", "n", "stop", "seed", "temperature", "model", "tools"])
BODY = st.dictionaries(FIELDS, st.one_of(SCALAR, MESSAGES))
COLUMNS = st.sampled_from(["id", "custom_id", "text", "body", "messages", "url"])
JSON_ROW = st.dictionaries(COLUMNS, st.one_of(SCALAR, MESSAGES, BODY))


def read(data: bytes, form: Format | None, prompt: PromptSpec | None = None) -> list[Row]:
    prompt = prompt or PromptSpec()
    return list(
        read_rows(["-"], form, prompt, GenerationParams(), stdin=io.BytesIO(data), reader=shared_reader())
    )


@UNTIMED
@given(BYTES)
def test_any_bytes_are_rows_in_order(data: bytes) -> None:
    with suppress(UsageError):
        lines = [row.line for row in read(data, Format.JSONL)]
        assert lines == sorted(lines)


@UNTIMED
@given(BYTES)
def test_every_line_of_any_bytes_without_json_is_a_row_or_blank(data: bytes) -> None:
    data = b"x\n" + data.translate(bytes.maketrans(b"[]{},\r\x1e\xef", b"xxxxxxxx"))
    try:
        rows = read(data, Format.JSONL)
    except UsageError:
        return
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    if not data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")):
        assert [row.line for row in rows] == [at for at, line in enumerate(lines, 1) if line.strip()]


@UNTIMED
@given(BYTES, st.sampled_from([Format.CSV, Format.TSV]))
def test_any_bytes_below_a_header_are_rows_in_order(data: bytes, form: Format) -> None:
    rows = read(b"text\n" + data, form)
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines))
    ended = data.rstrip(b"\x1a")  # what ends a file under DOS
    nonblank = sum(1 for line in ended.split(b"\n") if line.removeprefix(b"\xef\xbb\xbf").strip())
    assert len(rows) <= nonblank
    assert (nonblank > 0) == (len(rows) > 0)
    for row in rows:
        if isinstance(row, Document):
            assert isinstance(json.loads(row.content)["text"], str)


@settings(UNTIMED, max_examples=40)  # most of the formats are read in another process
@given(BYTES, st.sampled_from([*Format, None]))
def test_any_bytes_are_read_or_refused(data: bytes, form: Format | None) -> None:
    try:
        rows = read(data, form)
    except UsageError:
        return
    for row in rows:
        "".join(map(str, row)).encode()
        assert "\0" not in "".join(map(str, row))


@UNTIMED
@given(st.binary(max_size=300), st.sampled_from([b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b""]))
def test_damaged_archives_are_read_or_refused(damage: bytes, signature: bytes) -> None:
    start = signature or gzip.compress(b'{"text":"a"}\n' * 50)[:-9]
    try:
        read(start + damage, Format.JSONL)
    except UsageError:
        return


@UNTIMED
@given(JSON_ROW, st.sampled_from([PromptSpec(), PromptSpec(template="x")]))
def test_any_object_is_a_document_or_a_bad_row(row: object, prompt: PromptSpec) -> None:
    assert len(read(json.dumps(row).encode(), Format.JSONL, prompt)) == 1


@UNTIMED
@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=20))
def test_any_texts_are_read_back_unchanged(pairs: list[tuple[str, str]]) -> None:
    rows = [{"text": text, "more": more} for text, more in pairs]
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert [
        json.loads(row.content) for row in read(lines.encode(), Format.JSONL) if isinstance(row, Document)
    ] == rows
