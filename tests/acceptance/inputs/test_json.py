"""JSON as people have it: each case of docs/internals/input-cases.md that begins with J."""

import io
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from qwenq.producer.preview import preview
from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.prompts.templating import PromptTemplate

A, B, C = ({"id": name, "text": f"text of {name}"} for name in "abc")


def read(
    data: bytes, prompt: PromptSpec | None = None, tell: Callable[[str], object] | None = None
) -> list[Row]:
    stdin = io.BytesIO(data)
    params = GenerationParams()
    return list(read_rows(["-"], Format.JSONL, prompt or PromptSpec(), params, stdin=stdin, tell=tell))


def ids(rows: list[Row]) -> list[str | None]:
    return [row.custom_id if isinstance(row, Document) else None for row in rows]


def lines(rows: list[Row]) -> list[int]:
    return [row.line for row in rows]


def bad(row: Row) -> BadRow:
    assert isinstance(row, BadRow)
    return row


@pytest.mark.parametrize("indent", [None, 0, 1, 4, "\t"])
def test_j1_an_array_in_a_json_file_is_read(tmp_path: Path, indent: int | str | None) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([A, B, C], indent=indent))
    spec = JobSpec(name="j", model="m", sources=(str(path),), prompt=PromptSpec())
    shown = preview(spec)
    assert (shown.documents, shown.rejected) == (3, 0)
    assert [prompt.messages[-1].content for prompt in shown.prompts] == [
        "text of a",
        "text of b",
        "text of c",
    ]


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (json.dumps([A, B, C]).encode(), [1, 1, 1]),
        (json.dumps([A, B, C], indent=2).encode(), [2, 6, 10]),
        (f"\n\n[\n{json.dumps(A)},\n{json.dumps(B)}\n,\n{json.dumps(C)}]".encode(), [4, 5, 7]),
        ("\n".join(json.dumps(row, indent=1) for row in (A, B, C)).encode(), [1, 5, 9]),
        ("".join(json.dumps(row) for row in (A, B, C)).encode(), [1, 1, 1]),
        ((json.dumps(A) + "\n" + json.dumps(B, indent=1) + "\n" + json.dumps(C)).encode(), [1, 2, 6]),
        ((json.dumps(A) + "\n" + json.dumps([B, C]) + "\n").encode(), [1, 2, 2]),
        ("\x1e".join(json.dumps(row) + "\n" for row in (A, B, C)).encode(), [1, 2, 3]),
        ("".join(f"[{json.dumps(row)}]\n" for row in (A, B, C)).encode(), [1, 2, 3]),
        (",\n".join(json.dumps(row) for row in (A, B, C)).encode(), [1, 2, 3]),
    ],
)  # fmt: skip
def test_j2_objects_are_read_however_they_are_written(data: bytes, at: list[int]) -> None:
    rows = read(data)
    assert ids(rows) == ["a", "b", "c"]
    assert lines(rows) == at
    assert [json.loads(row.content) for row in rows if isinstance(row, Document)] == [A, B, C]


def test_j3_every_element_of_an_array_with_one_object_a_line_is_read() -> None:
    assert ids(read(b"[" + b",\n".join(json.dumps(row).encode() for row in (A, B, C)) + b"]\n")) == [
        "a",
        "b",
        "c",
    ]


def test_j3_an_array_that_is_cut_off_says_so() -> None:
    whole = json.dumps([A, B, C], indent=1)
    first, second, cut = read(whole[: whole.index('"c"')].encode())
    assert ids([first, second]) == ["a", "b"]
    assert bad(cut).line == 10
    rows = read(json.dumps([A, B])[:-1].encode())
    assert ids(rows) == ["a", "b", None]
    assert "the array that begins on line 1 has no end" in bad(rows[2]).reason


def test_j3_a_broken_element_spoils_no_other_and_its_line_is_told() -> None:
    whole = json.dumps([A, B, C], indent=2).replace('"text of b"', "text of b,")
    first, broken, last = read(whole.encode())
    assert ids([first, last]) == ["a", "c"]
    assert (bad(broken).line, bad(broken).custom_id) == (6, "b")
    assert "line 8, column" in bad(broken).reason


def test_j3_a_quote_that_is_never_closed_spoils_only_its_element() -> None:
    whole = json.dumps([A, B, C], indent=2).replace('of b"', "of b")
    assert ids(read(whole.encode())) == ["a", None, "c"]


def test_j3_rows_without_ids_on_one_line_get_ids_of_their_own() -> None:
    assert ids(read(b'[{"text":"x"},{"text":"y"}]\n{"text":"z"}')) == ["1", "1.2", "2"]


def test_j4_objects_on_one_line_are_documents_and_a_rest_makes_it_bad() -> None:
    rest = json.dumps({**C, "id": "d"}) + " rest"
    data = "\n".join([json.dumps(A), json.dumps(B) + json.dumps(C), rest, json.dumps({**C, "id": "e"})])
    rows = read(data.encode())
    assert ids(rows) == ["a", "b", "c", None, "e"]
    assert (bad(rows[3]).line, bad(rows[3]).custom_id) == (3, "d")
    assert "unexpected content after document" in bad(rows[3]).reason


def test_j5_numbers_that_json_lacks_are_null_and_told_once() -> None:
    said: list[str] = []
    data = b'{"id":"a","text":"NaN, -Infinity","score":NaN}\n{"id":"b","text":"x","score":[-Infinity,1e999,1e5]}\n'
    first, second = read(data, tell=said.append)
    assert isinstance(first, Document)
    assert isinstance(second, Document)
    assert json.loads(first.content) == {"id": "a", "text": "NaN, -Infinity", "score": None}
    assert json.loads(second.content)["score"] == [None, None, 1e5]
    assert said == ["stdin: NaN or Infinity, which JSON does not have, was read as null (3 values)"]


def test_j5_a_pretty_array_may_hold_nan() -> None:
    rows = read(json.dumps([{**A, "score": float("nan")}, {**B, "score": float("inf")}], indent=1).encode())
    assert ids(rows) == ["a", "b"]


def test_j6_half_a_surrogate_pair_has_the_code_of_the_docs() -> None:
    for escaped in ("\\ud800 x", "\\udc00", "\\ud800\\ud800"):
        (row,) = read(b'{"custom_id":"q","text":"%b"}\n' % escaped.encode())
        assert (bad(row).code, bad(row).custom_id) == ("invalid_text", "q")


def test_j9_whole_numbers_of_any_size_stay_exact() -> None:
    number = 123_456_789_012_345_678_901_234
    prompt = PromptSpec(template="{{ text }} {{ account }} {{ more.deep[0] }}")
    data = json.dumps([{**A, "account": number, "more": {"deep": [-number]}}]).encode()
    (row,) = read(data, prompt)
    assert isinstance(row, Document)
    said = PromptTemplate.from_spec(prompt).render(row.content).prompt.messages[-1].content
    assert said == f"text of a {number} {-number}"


@pytest.mark.parametrize(
    ("written", "custom_id"),
    [
        ("12345678901234567890123", "12345678901234567890123"),
        ("-12345678901234567890123", "-12345678901234567890123"),
        ("18446744073709551616", "18446744073709551616"),
        ("1.0", "1"),
        ("-7.0", "-7"),
        ("1e3", "1000"),
    ],
)
def test_j10_j11_an_id_may_be_a_whole_number_of_any_size(written: str, custom_id: str) -> None:
    assert ids(read(b'{"id":%b,"text":"x"}\n' % written.encode())) == [custom_id]


def test_j12_other_values_are_bad_rows() -> None:
    rows = read(json.dumps(A).encode() + b'\n42\n"x"\nnull\n["a"]\n{}\n' + json.dumps(B).encode())
    assert ids(rows) == ["a", None, None, None, None, None, "b"]
    assert lines(rows) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_j13_utf_16_is_told_with_and_without_a_mark(encoding: str) -> None:
    with pytest.raises(UnreadableInput, match=r"UTF-(16|32).*save it as UTF-8"):
        read(json.dumps(A).encode(encoding))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\r"])
def test_j13_every_line_end_is_read_and_lines_are_counted(end: str) -> None:
    rows = read((json.dumps(A) + end + json.dumps(B) + end + '{"id": "c", "text": 5}' + end).encode())
    assert ids(rows) == ["a", "b", None]
    step = 2 if end in {"\n\n", "\r\r"} else 1
    assert lines(rows) == [1, 1 + step, 1 + 2 * step]


def test_j13_a_mark_on_each_line_does_no_harm() -> None:
    assert ids(read(b"".join(b"\xef\xbb\xbf" + json.dumps(row).encode() + b"\n" for row in (A, B)))) == [
        "a",
        "b",
    ]


def test_j14_a_line_that_is_cut_off_swallows_no_other() -> None:
    data = ['{"id":"a","text":', json.dumps(B), '{"id":"c","text":"cut', json.dumps({**C, "id": "d"})]
    rows = read("\n".join(data).encode())
    assert ids(rows) == [None, "b", None, "d"]
    assert lines(rows) == [1, 2, 3, 4]
    assert [bad(rows[0]).custom_id, bad(rows[2]).custom_id] == ["a", "c"]


def test_j20_a_whole_table_of_pandas_is_no_document() -> None:
    table = {"text": {"0": "a", "1": "b"}, "title": {"0": "A", "1": "B"}}
    for indent in (None, 1):
        (row,) = read(json.dumps(table, indent=indent).encode() + b"\n", PromptSpec(template="{{ text }}"))
        assert "write it with to_json(..., orient='records')" in bad(row).reason


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\n", "it is a PDF; give --format pdf"),
        (b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "it is a spreadsheet (.xlsx); give --format xlsx"),
        (b"<!doctype html><p>x", "it is an HTML page"),
    ],
)
def test_j23_other_files_under_the_name_json_are_told(data: bytes, told: str) -> None:
    with pytest.raises(UnreadableInput) as caught:
        read(data)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"id,text\n1,a\n", "if the file is a table, give --format csv"),
        (b"{'id': 1, 'text': 'a'}\n", "write it with json.dumps"),
        ('{"text": "é"}\n'.encode("cp1252"), "save the file as UTF-8"),
        (b'{"id": 1e30, "text": "x"}\n', "a decimal point that is too large to be exact"),
    ],
)
def test_j14_a_bad_row_says_what_to_do(data: bytes, told: str) -> None:
    assert told in bad(read(data)[0]).reason


def test_j20_shapes_of_other_libraries_are_named() -> None:
    rows = read(b'{"conversations":[{"from":"human","value":"x"}]}\n{"data":[{"id":1,"text":"x"}]}\n')
    assert "ShareGPT" in bad(rows[0]).reason
    assert "'data' is an array of objects" in bad(rows[1]).reason


def test_an_array_of_any_size_is_read_element_by_element() -> None:
    """The first rows come out although the array never ends."""
    element = json.dumps({"text": "x" * 1000}).encode() + b","

    class Endless(io.RawIOBase):
        begun = False

        def read1(self, _size: int) -> bytes:
            begin = b"" if self.begun else b"["
            self.begun = True
            return begin + element * 200

    stdin = Endless()
    rows = read_rows(["-"], Format.JSONL, PromptSpec(), GenerationParams(), stdin=stdin)  # type: ignore[arg-type]
    assert sum(isinstance(row, Document) for row in islice(rows, 5_000)) == 5_000
