"""Tables as people have them: each is read right, or refused with advice that, followed, reads it right."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.tables.text_table import without_marks
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.commands import qwenq_here
from tests.read_tables import MODEL, RENT, ROW, Read, refusal


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-32-be"])
def test_c1_semicolons_cut_a_csv_in_any_encoding(encoding: str) -> None:
    read = Read(f"id;text\r\n1001;{RENT.replace(';', ',')}\r\n1002;Kurz\r\n".encode(encoding))
    assert read.texts == [RENT.replace(";", ","), "Kurz"]
    assert not read.bad
    assert "cut by ';'" in read.said[0]


def test_c2_a_whole_header_is_no_column() -> None:
    read = 'id;text\n1001;"Der Vertrag; beginnt, bald"\n1002;Kurz\n'
    assert "It has: id, text" in refusal(read, prompt=PromptSpec(text_column="id;text"))
    assert Read(read).texts == ["Der Vertrag; beginnt, bald", "Kurz"]
    assert "give --delimiter ';'" in refusal(read, delimiter=",")
    assert Read(read, delimiter=";").texts == ["Der Vertrag; beginnt, bald", "Kurz"]


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [("sep=;", ";"), ("sep=,", ","), ('"sep=,"', ","), ("SEP=|", "|"), ("sep=\t", "\t"), ("sep=;;", ";")],
)
def test_c3_excels_first_line_names_the_delimiter(first: str, delimiter: str) -> None:
    read = Read(f"{first}\r\nid{delimiter}text\r\n1{delimiter}one; two, three|four\r\n".replace(
        "one; two, three|four", '"one; two, three|four"'
    ))  # fmt: skip
    assert read.values == [{"id": "1", "text": "one; two, three|four"}]
    assert read.rows[0].line == 3


@pytest.mark.parametrize(
    ("form", "delimiter"), [(Format.CSV, "\t"), (Format.CSV, "|"), (Format.TSV, ","), (Format.TSV, ";")]
)
def test_c4_delimiters_are_found_under_the_wrong_ending(form: Format, delimiter: str) -> None:
    lines = ["id,text", "1,Yes", "2,No: never"]
    assert Read("\n".join(lines).replace(",", delimiter), form).texts == ["Yes", "No: never"]


def test_c4_commas_and_semicolons_in_texts_cut_nothing() -> None:
    read = Read('id,text\n1,"a; b; c"\n2,d; e; f\n3,"g, h; i"\n')
    assert read.texts == ["a; b; c", "d; e; f", "g, h; i"]
    assert not read.said
    assert Read("text\nHello, world\nOne; two, three\n").texts == ["Hello, world", "One; two, three"]


def test_c20_advice_for_unusable_names_reads_the_table() -> None:
    for data in ("text,text\n1,a\n", ",id,,text\n0,1,2,a\n", "id,,text\n0,1,a\n"):
        assert "--skip-rows 1 --no-header" in refusal(data)
        column = f"column{data.partition(chr(10))[0].count(',') + 1}"
        read = Read(data, skip_rows=1, header=False, prompt=PromptSpec(text_column=column))
        assert read.values[0][column] == "a"


def test_c21_empty_columns_at_the_end_are_left_out() -> None:
    assert Read("id,text,\n1,a,\n2,b\n").values == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    assert Read("id,text\n1,a,\n2,b,,\n").texts == ["a", "b"]
    assert Read("id,text\n1,a,\n2,b,c\n").bad == [(3, "too many fields: 3, where the header has 2")]
    assert "gives column 3 no name" in refusal("id,text,\n1,a,\n2,b,more\n")


@pytest.mark.parametrize("prompt", [PromptSpec(), ROW])
def test_c23_a_table_without_a_header_is_told(prompt: PromptSpec) -> None:
    data = "1,The contract begins on 1 May.\n2,It ends when the parties agree.\n"
    assert "--no-header" in (said := refusal(data, prompt=prompt))
    assert "--text-column column2" in said
    read = Read(data, header=False, prompt=PromptSpec(text_column="column2"))
    assert read.values[0] == {"column1": "1", "column2": "The contract begins on 1 May."}
    assert len(read.rows) == 2


@pytest.mark.parametrize("prompt", [PromptSpec(), ROW])
@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("Contracts 2026,\n", 1),
        ("Contracts 2026\n\n", 2),
        ("Contracts 2026,\nof the north,\n,\n", 3),
        ("Contracts 2026,\nmade,\n\n", 3),
        ("# exported 2026\n", 1),
        ("# exported 2026\n# by the archive\n", 2),
    ],
)
def test_c24_c25_titles_and_comments_above_the_header_are_told(
    above: str, lines: int, prompt: PromptSpec
) -> None:
    data = f"{above}id,text\n1,a\n2,b\n"
    assert f"give --skip-rows {lines}" in refusal(data, prompt=prompt)
    read = Read(data, skip_rows=lines)
    assert read.values == [{"id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    assert read.rows[0].line == lines + 2


def test_c24_titles_of_several_fields_above_the_header_are_told() -> None:
    data = "Contracts;;\nMade;2026-01-01;\n\nid;text;pages\n1;a;2\n2;b;3\n"
    assert "line 4 the header; give --skip-rows 3" in refusal(data)
    assert "give --skip-rows 3" in refusal(data, prompt=PromptSpec(template="{{ text }}"))
    assert Read(data, skip_rows=3).texts == ["a", "b"]


def test_c23_the_text_of_a_table_without_a_header_is_no_date() -> None:
    assert "--text-column column2" in refusal("2026-01-01,hello\n2026-01-02,bye\n")


def test_c36_marks_where_files_were_joined_are_left_out() -> None:
    mark, rows = "\ufeff", "id,text\n{0},a\n"
    read = Read(mark + rows.format(1) + mark + rows.format(2) + mark + "3,b\n")
    assert [columns["id"] for columns in read.values] == ["1", "2", "3"]
    assert read.bad == [(3, "it is the header again, as between files that were joined")]


def test_c36_a_mark_is_left_out_wherever_a_block_of_bytes_ends() -> None:
    data = "id,text\n1,a\n\ufeff2,ï»\n".encode()
    for at in range(len(data)):
        assert b"".join(without_marks([data[:at], data[at:]])) == data.replace(b"\xef\xbb\xbf", b"")


QUOTED = {
    "'id','text'\n'1','one, two'\n2,'It''s'\n": (["one, two", "It's"], "single quotes"),
    "id,text\n1,'one, two'\n2,plain\n": (["one, two", "plain"], "single quotes"),
    "id,text\n1,'one\n two'\n2,'b'\n": (["one\n two", "b"], "single quotes"),
    "id,text\n1,'Twas\n2,it's\n3,'em'\n": (["'Twas", "it's", "'em'"], ""),
    'id,text\n1,"say \\"hi\\", C:\\\\x"\n2,"a ""b"" \\n"\n': (
        ['say "hi", C:\\x', 'a "b" \\n'],
        "a backslash stands",
    ),
    'id,text\n1,"C:\\dir\\"\n2,"a"\n': (["C:\\dir\\", "a"], ""),
    "id,text\n1,\\N\n2,a\\nb\n": (["", "a\\nb"], "\\N is read as empty"),
    "id\ttext\n1\ta\\nb\\\\n\n2\t\\N\n": (["a\nb\\n", ""], "\\N is read as empty, and"),
    'id\ttext\n1\t"Hi" he said\n2\t"open\n3\t"x"\n': (['"Hi" he said', '"open', '"x"'], "quotes are part"),
    'id\ttext\n1\t"a\nb ""q"""\n2\t"x\ty"\n': (['a\nb "q"', "x\ty"], ""),
}


@pytest.mark.parametrize("data", QUOTED)
def test_quotes_and_escapes_of_other_programs_are_found_out(data: str) -> None:
    texts, said = QUOTED[data]
    read = Read(data, Format.TSV if "\t" in data else Format.CSV)
    assert read.texts == texts
    assert not read.bad
    assert bool(read.said) == bool(said)
    assert said in " ".join(read.said)


@pytest.mark.parametrize(
    "data",
    [
        " id | text\n----+------\n  1 | a\n(1 row)\n",
        "+----+------+\n| id | text |\n+----+------+\n|  1 | a    |\n",
        "-----------\n|id |text |\n-----------\n|1  |a    |\n",
    ],
)
def test_tables_drawn_with_lines_are_refused_as_such(data: str) -> None:
    assert "export it as CSV (psql --csv, mysql --batch)" in refusal(data)
    assert Read("text\n------\n").texts == ["------"]


def test_columns_without_names_at_the_beginning_are_named() -> None:
    read = Read(",id,text\n0,7,a\n1,8,b\n")
    assert read.values == [{"column1": "0", "id": "7", "text": "a"}, {"column1": "1", "id": "8", "text": "b"}]
    assert "its first column has no name, and is called column1" in read.said[0]
    assert Read(";;id;text\n;;7;a\n").values == [{"column1": "", "column2": "", "id": "7", "text": "a"}]


def test_comments_below_the_header_are_left_out_if_some_stand_above_it() -> None:
    rows = 'id,text\n1,"a\n# b"\n# page 2, of 3\n2,c\n'
    read = Read(f"# exported\n{rows}", skip_rows=1)
    assert read.texts == ["a\n# b", "c"]
    assert [one.line for one in read.rows] == [3, 6]
    assert "lines that begin with # are left out" in read.said[0]
    assert Read(rows).texts == ["a\n# b", " of 3", "c"]


def test_c29_the_end_mark_of_dos_is_no_row() -> None:
    for data in (b"id,text\n1,a\n\x1a", b"id,text\n1,a\x1a\x1a", b'id,text\n1,"a"\x1a'):
        read = Read(data)
        assert read.texts == ["a"]
        assert not read.bad


def zipped(*names: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as writer:
        for name in names:
            writer.writestr(name, "x" * 100)
    return archive.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (zipped("a.csv"), "a ZIP archive; unpack it"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "a spreadsheet (.xlsx); give --format xlsx"),
        (zipped("word/document.xml"), "a Word document (.docx); give --format docx"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF; give --format pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an Office before 2007"),
        (b"PAR1\x15\x04\x15", "a Parquet file; give --format parquet"),
        (b"<!DOCTYPE html><html><table>", "an HTML page"),
        (b'{"id": 1, "text": "x"}\n', "JSON; give --format jsonl"),
        (b"BZh91AY&SY\x00\xff", "packed with bzip2"),
    ],
)
def test_c32_other_files_under_the_name_csv_are_told(data: bytes, told: str) -> None:
    assert told in refusal(data, prompt=ROW)


@pytest.mark.parametrize(
    ("name", "told"), [("a.doc", ".docx"), ("a.pptx", "PDF"), ("a.xls", ".xlsx"), ("a.zip", "unpack")]
)
def test_d24_a_kind_that_is_not_read_says_what_to_do(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    done = qwenq_here("run", name, *MODEL, "--dry-run", cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert "--format" not in done.stderr


@pytest.mark.parametrize("rows", [10, 1_500])
@pytest.mark.parametrize("command", [("submit",), ("run", "--dry-run")])
def test_c33_bad_rows_tell_their_lines_reasons_and_counts(
    tmp_path: Path, rows: int, command: tuple[str, ...]
) -> None:
    lines = ["id,text", *(f"{number},a,b" for number in range(rows - 1)), "alone"]
    (tmp_path / "many.csv").write_text("\n".join(lines))
    env = {"QWENQ_DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    qwenq_here("db", "upgrade", cwd=tmp_path, env=env)
    done = qwenq_here(command[0], "many.csv", *MODEL, *command[1:], cwd=tmp_path, env=env)
    assert done.returncode == 2
    assert "line 2: too many fields: 3, where the header has 2" in done.stderr
    assert f"{rows:,} bad rows in all: {rows - 1:,} like line 2" in done.stderr
    assert f"1 like line {rows + 1} (too few fields: 1" in done.stderr


def test_c31_a_header_longer_than_the_beginning_is_read_whole() -> None:
    names = [str(number) * 4 for number in range(10_000)]
    assert Read(",".join([*names, "text"]) + "\n" + "x," * 10_000 + "last\n").texts == ["last"]
    read = Read(
        "x" * 70_000 + ",last\nfirst,second\n", header=False, prompt=PromptSpec(text_column="column2")
    )
    assert [columns["column2"] for columns in read.values] == ["last", "second"]


class Endless(io.RawIOBase):
    """A table of single bytes that counts what is read of it."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self.taken = 0

    def read(self, _size: int = -1) -> bytes:
        """Read the next block, whatever the size."""
        block = next(self._blocks, b"")
        self.taken += len(block)
        return block


def test_only_a_bounded_beginning_is_read_before_the_first_row() -> None:
    block = "1;señor\n".encode("cp1252") * 8_000
    stream: Any = Endless(iter([b"id;text\n", *([block] * 500)]))
    rows = read_rows(["-"], Format.CSV, PromptSpec(), GenerationParams(), stream)
    next(iter(rows))
    assert stream.taken < 4 << 20
