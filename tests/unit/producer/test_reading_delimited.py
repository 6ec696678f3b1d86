"""CSV and TSV: quoting, line numbers, headers; a bad row spoils no other."""

import csv
import io
import json
from pathlib import Path

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.lines import LINE_LIMIT
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import UnknownColumn, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

ANY = PromptSpec(template="{{ row }}")


def read(data: bytes, prompt: PromptSpec | None = None, form: Format = Format.CSV) -> list[Row]:
    prompt = prompt or PromptSpec()
    return list(read_rows(["-"], form, prompt, GenerationParams(), stdin=io.BytesIO(data)))


def brief(rows: list[Row]) -> list[tuple[int, str]]:
    """Each row's line, with its id or the reason why it is bad."""
    return [(row.line, row.custom_id if isinstance(row, Document) else row.reason) for row in rows]


def test_a_csv_row_becomes_an_object_by_column() -> None:
    (document,) = read('id,text,n\na,"Grüße, ""you""",5\n'.encode())
    assert document == Document("a", 0, 2, '{"id":"a","text":"Grüße, \\"you\\"","n":"5"}')


def test_a_tsv_is_separated_by_tabs() -> None:
    (document,) = read(b"id\ttext\na\tone, two\n", form=Format.TSV)
    assert isinstance(document, Document)
    assert json.loads(document.content) == {"id": "a", "text": "one, two"}


def test_a_row_with_quoted_line_ends_has_the_number_of_its_first_line() -> None:
    rows = read(b'\r\nid,text\r\n\r\na,"one\r\n\r\ntwo"\r\nb,x\r\n   \r\nc,y')
    assert brief(rows) == [(4, "a"), (7, "b"), (9, "c")]
    assert json.loads(rows[0].content)["text"] == "one\r\n\r\ntwo"  # type: ignore[union-attr]


def test_what_the_csv_module_writes_is_read_back() -> None:
    texts = ['a "quoted" word', "two\nlines", "comma, tab\t", "", "'", '"', "x" * 200_000]
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    writer.writerow(["id", "text"])
    writer.writerows(enumerate(texts))
    rows = read(written.getvalue().encode())
    assert [json.loads(row.content)["text"] for row in rows if isinstance(row, Document)] == texts


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    assert brief(read(b"\xef\xbb\xbfid,text\na,b\n")) == [(2, "a")]


def test_a_csv_row_without_an_id_gets_its_line_number() -> None:
    assert brief(read(b'text\n"a\nb"\nc\n')) == [(2, "2"), (4, "4")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"b", "too few fields: 1, where the header has 2"),
        (b"b,c,d", "too many fields: 3, where the header has 2"),
        (b'b,"c" d', "broken quoting: ',' expected after '\"'"),
        (b"b,c\rd", "a carriage return stands outside quotes"),
        (b"b,\xff", "not valid UTF-8"),
        (b"b,c\0d", "it holds a NUL byte"),
        (b"b\x07,c", "the id holds a control character"),
        (b"b," + b"x" * LINE_LIMIT, "over-long: it has more than 16 MiB"),
    ],
)
def test_a_bad_csv_row_does_not_spoil_others(line: bytes, reason: str) -> None:
    before, error, after = read(b"id,text\na,one\n" + line + b"\nz,last\n")
    assert brief([before, after]) == [(2, "a"), (4, "z")]
    assert isinstance(error, BadRow)
    assert error.line == 3
    assert error.reason.startswith(reason)
    assert len(error.raw) <= 2_001


def test_a_backslash_u_in_a_field_is_not_a_nul_byte() -> None:
    assert brief(read(b"id,text\na,\\u0000\n")) == [(2, "a")]


def test_an_unclosed_quote_spoils_one_line_only() -> None:
    rows = read(b'id,text\na,one\nb,"open\nc,two\nd,three\n')
    assert brief(rows) == [
        (2, "a"),
        (3, "the row opens a quote that is never closed (3 lines up to the end of the file)"),
        (4, "c"),
        (5, "d"),
    ]
    assert isinstance(rows[1], BadRow)
    assert rows[1].raw == 'b,"open'


def test_two_stray_quotes_spoil_only_their_own_lines() -> None:
    rows = read(b'id,text\na,"open\nb,two\nc,"x" y\nd,three\n')
    assert [row.line for row in rows] == [2, 3, 4, 5]
    assert [isinstance(row, Document) for row in rows] == [False, True, False, True]


def test_lines_behind_an_unclosed_quote_are_read_even_above_the_row_limit() -> None:
    many = b"".join(b"%d,%s\n" % (number, b"x" * 1000) for number in range(20_000))
    rows = read(b'id,text\na,"open\n' + many)
    assert isinstance(rows[0], BadRow)
    assert rows[0].reason.startswith("over-long")
    assert [row.custom_id for row in rows[1:] if isinstance(row, Document)] == [
        str(number) for number in range(20_000)
    ]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"id,text,id", "names the column 'id' twice"),
        (b"id, id ,text", "names the column 'id' twice"),
        (b"id,,text", "gives column 2 no name"),
        (b'id,"text', "is broken: the row opens a quote that is never closed"),
        (b"id,\xff", "is not valid UTF-8"),
        (b"i\0d,text", "holds NUL bytes"),
        (b"id," + b"x" * LINE_LIMIT, "is broken: over-long"),
    ],
)
def test_an_invalid_csv_header_is_refused(header: bytes, reason: str) -> None:
    with pytest.raises(UnreadableInput) as caught:
        read(header + b"\n1,2\n", ANY)
    assert reason in str(caught.value)


def test_a_csv_header_without_a_required_column_is_refused() -> None:
    with pytest.raises(UnknownColumn, match=r"has no column 'text'\. It has: id, body"):
        read(b"id,body\n")
    with pytest.raises(UnknownColumn, match="has no column 'key'"):
        read(b"id,text\n", PromptSpec(id_column="key"))


def test_an_empty_csv_has_no_rows() -> None:
    assert read(b"\n\n") == []
    assert read(b"id,text\n") == []


def test_a_bad_header_in_a_later_file_is_refused_before_the_first_row(tmp_path: Path) -> None:
    first, second = tmp_path / "a.csv", tmp_path / "b.csv"
    first.write_text("text\nx\n")
    second.write_text("other\nx\n")
    with pytest.raises(UnknownColumn, match=r"b\.csv"):
        read_rows([str(first), str(second)], None, PromptSpec(), GenerationParams())
