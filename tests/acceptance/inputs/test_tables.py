"""Tables as people have them: each is read right, or refused with advice that, followed, reads it right."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qwenq.api import submit
from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidParameter, UnknownColumn, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.table_options import TableOptions
from tests.commands import qwenq_here

ROW = PromptSpec(template="{{ row }}")
RENT = "Der Vertrag beginnt am 1. Mai; die Miete beträgt 1.200 €, zahlbar im Voraus"
MODEL = ("--model", "m")


class Read:
    """The rows of a table, and what was said about it."""

    def __init__(
        self, data: bytes | str, form: Format = Format.CSV, prompt: PromptSpec | None = None, **options: Any
    ) -> None:
        self.said: list[str] = []
        raw = data.encode() if isinstance(data, str) else data
        self.rows: list[Row] = list(
            read_rows(
                ["-"],
                form,
                prompt or PromptSpec(),
                GenerationParams(),
                io.BytesIO(raw),
                tables=TableOptions(**options),
                tell=self.said.append,
            )
        )

    @property
    def values(self) -> list[dict[str, str]]:
        """The columns of each good row."""
        return [json.loads(row.content) for row in self.rows if isinstance(row, Document)]

    @property
    def texts(self) -> list[str]:
        """The texts of the good rows."""
        return [columns["text"] for columns in self.values]

    @property
    def bad(self) -> list[tuple[int, str]]:
        """The lines and reasons of the bad rows."""
        return [(row.line, row.reason) for row in self.rows if isinstance(row, BadRow)]


def refusal(
    data: bytes | str, form: Format = Format.CSV, prompt: PromptSpec | None = None, **options: Any
) -> str:
    with pytest.raises((UnreadableInput, UnknownColumn)) as caught:
        Read(data, form, prompt, **options)
    return str(caught.value)


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


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe"),
        ("cp1252", "La señora pagó el año pasado según el artículo número 5 de la contratación"),
        ("cp1252", "João, coração"),
        ("cp1250", "Příliš žluťoučký kůň"),
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1250", "őrült tűzoltó"),
        ("iso8859_2", "Příliš žluťoučký kůň"),
        ("cp1251", "Договор начинается 1 мая"),
        ("koi8_r", "Договор начинается 1 мая"),
        ("cp1253", "σύμβαση αρχίζει την πρώτη"),
        ("iso8859_7", "Λεωνίδας και Αλέξανδρος"),
        ("cp1254", "Sözleşme başlar ve İstanbul'da"),
        ("cp932", "契約は5月1日に始まり、翌年の4月30日に終了します。"),
        ("euc_jp", "契約は5月1日に始まり、翌年の4月30日に終了します。"),
        ("gb18030", "本合同自五月一日起生效。租期为一年。"),
        ("big5", "本合約自五月一日起生效。租期為一年。"),
    ],
)
def test_c5_code_pages_are_guessed_when_the_guess_is_sure(encoding: str, text: str) -> None:
    read = Read(f'id,text\n1,plain\n2,"{text}"\n'.encode(encoding))
    assert read.texts == ["plain", text]
    assert "read as" in read.said[0]


def test_c5_an_unsure_encoding_gives_bad_rows_whose_advice_is_right() -> None:
    data = "id,text\n1,plain\n2,señor\n".encode("cp1252")
    read = Read(data)
    assert read.texts == ["plain"]
    assert read.bad == [
        (3, "not valid UTF-8; give its encoding with --encoding: cp1252 reads 'señor', cp1250 reads 'seńor'")
    ]
    assert read.said == [
        (
            "stdin: its encoding is not sure, so rows that are not UTF-8 are bad; give it with --encoding: "
            "cp1252 reads 'señor', cp1250 reads 'seńor'"
        )
    ]
    assert Read(data, encoding="cp1252").texts == ["plain", "señor"]


def test_signs_alone_are_not_taken_for_those_of_koi8() -> None:
    data = "id,text\n1,plain\n2,£50\n".encode("cp850")
    read = Read(data)
    assert read.texts == ["plain"]
    assert read.bad == [(3, "not valid UTF-8; give its encoding with --encoding: cp850 reads '£50'")]
    assert Read(data, encoding="cp850").texts == ["plain", "£50"]


def test_c5_a_code_page_that_shows_after_100000_rows_is_guessed_there() -> None:
    plain = b"".join(b"%d,nothing to see here\n" % number for number in range(100_000))
    late = "x,Größe\ny,Straße\n".encode("cp1252")
    read = Read(b"id,text\n" + plain + late)
    assert read.texts[-2:] == ["Größe", "Straße"]
    assert len(read.texts) == 100_002
    assert read.said == ["stdin: read as cp1252"]


def test_c5_a_later_row_that_the_guess_may_misread_is_bad() -> None:
    many = b"".join(b"%d,nothing to see here\n" % number for number in range(100_000))
    start = "id,text\nx,Größe\n".encode("cp1252")
    read = Read(start + many + "y,nõ\nz,Größe\n".encode("cp1252") + "u,Größe\n".encode())
    assert read.texts[-1] == "Größe"
    assert read.bad == [
        (
            100_003,
            "its encoding is not sure; give it with --encoding: cp1252 reads 'y,nõ', cp1250 reads 'y,nő'",
        ),
        (100_005, "it is UTF-8, but the file is cp1252; save the whole file as UTF-8"),
    ]


def test_c5_one_damaged_row_of_a_utf8_file_changes_no_other() -> None:
    read = Read("id,text\n1,señor\n".encode() + b"2,\xff\n" + "3,año\n".encode())
    assert read.texts == ["señor", "año"]
    assert read.bad[0][1].startswith("not valid UTF-8")


def test_c6_headers_in_code_pages_are_read() -> None:
    spanish = Read("número,descripción,text\n1,año,x\n".encode("cp1252"), prompt=ROW, encoding="cp1252")
    assert spanish.values == [{"número": "1", "descripción": "año", "text": "x"}]
    japanese = Read(
        "番号,本文\n1,契約は5月1日に始まります\n".encode("cp932"), prompt=PromptSpec(text_column="本文")
    )
    assert japanese.values == [{"番号": "1", "本文": "契約は5月1日に始まります"}]


def test_c7_excels_unicode_text_is_read() -> None:
    data = f"id\ttext\r\n1\t{RENT}\r\n".encode("utf-16")
    assert Read(data).texts == [RENT]
    assert Read(data, Format.TSV).texts == [RENT]


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_can_be_given_without_its_order(written: str) -> None:
    read = Read("id,text\r\n1,Größe\r\n".encode(written), encoding="utf-16")
    assert read.texts == ["Größe"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_c8_wide_encodings_without_a_mark_are_found(encoding: str) -> None:
    read = Read("id,text\r\n1,Größe 契約\r\n".encode(encoding))
    assert read.texts == ["Größe 契約"]
    assert read.said == [f"stdin: read as {encoding}"]


def test_c8_damaged_wide_text_loses_no_other_row() -> None:
    good = "id,text\n1,one\n".encode("utf-32-le")
    read = Read(
        good + b"2\0\0\0,\0\0\0\xff\xff\xff\xff\n\0\0\0" + "3,three\n".encode("utf-32-le"),
        encoding="utf-32-le",
    )
    assert read.texts == ["one", "three"]
    assert read.bad[0][1].startswith("not valid utf-32-le")
    cut = Read(good + b"2\0\0\0,\0\0\0x\0")
    assert cut.texts == ["one"]
    assert cut.bad[0][0] == 3


def test_c9_utf32_with_a_mark_is_read() -> None:
    assert Read("id,text\n1,Größe\n".encode("utf-32")).texts == ["Größe"]


def test_c10_carriage_returns_alone_end_lines() -> None:
    read = Read(b'id,text\r1,Hello\r2,"a, b"\r')
    assert read.texts == ["Hello", "a, b"]
    assert [row.line for row in read.rows] == [2, 3]


def test_c17_nul_bytes_are_no_wide_encoding() -> None:
    assert Read(b"id,text\n1,a\0b\n2,c\n").bad == [(2, "it holds a NUL byte")]
    assert Read(b"a,b,text\n\0,2,3\n").bad == [(2, "it holds a NUL byte")]


def test_c20_advice_for_unusable_names_reads_the_table() -> None:
    for data in ("text,text\n1,a\n", ",id,text\n0,1,a\n", "id,,text\n0,1,a\n"):
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


def test_a_hostile_line_takes_no_time_to_guess() -> None:
    began = time.process_time()
    for line in (
        b"\xe9\xa7" * 400_000,
        b"a" * 400_000 + b"\xe9",
        b'"' * 100_001 + b"\xe9",
        b"\xe9a;" * 200_000,
    ):
        Read(b"id,text\n1," + line + b"\n2,x\n")
    assert time.process_time() - began < 20


def test_options_win_over_what_would_be_found(tmp_path: Path) -> None:
    data = "title\nid;text\n1;señor\n".encode("cp1252")
    (tmp_path / "a.txt").write_bytes(data)
    options = ["--format", "csv", "--delimiter", ";", "--encoding", "cp1252", "--skip-rows", "1", "--header"]
    done = qwenq_here("run", "a.txt", *MODEL, *options, "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["prompts"][0]["messages"][0]["content"] == "señor"
    assert not done.stderr
    env = {"QWENQ_DELIMITER": "semicolon", "QWENQ_ENCODING": "cp1252", "QWENQ_SKIP_ROWS": "1"}
    done = qwenq_here("run", "a.txt", *MODEL, "--format", "csv", "--dry-run", "--json", cwd=tmp_path, env=env)
    assert json.loads(done.stdout)["documents"] == 1


def test_what_was_found_out_is_said_once_on_stderr(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes("id;text\n1;Größe, ja\n".encode("cp1250"))
    done = qwenq_here("run", "a.csv", "b.csv", *MODEL, "--dry-run", cwd=tmp_path)
    assert done.stderr.splitlines() == [
        "a.csv: cut by ';', read as cp1252",
        "b.csv: cut by ';', read as cp1252",
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delimiter", ";;"),
        ("delimiter", '"'),
        ("encoding", "klingon"),
        ("encoding", "base64"),
        ("skip_rows", -1),
    ],
)
def test_options_that_cannot_be_used_are_refused(option: str, value: str | int) -> None:
    given: dict[str, Any] = {
        "delimiter": None,
        "encoding": None,
        "header": None,
        "skip_rows": 0,
        option: value,
    }
    with pytest.raises(InvalidParameter, match="--" + option.replace("_", "-")):
        TableOptions.of(**given)


def test_options_without_a_table_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "x"}\n')
    done = qwenq_here("run", "a.jsonl", *MODEL, "--delimiter", ";", "--dry-run", cwd=tmp_path)
    assert "--delimiter" in done.stderr
    assert "none of the inputs is a CSV or TSV file" in done.stderr


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


def test_a_schedule_keeps_the_options_for_its_runs(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("title\nid;text\n1;señor\n".encode("cp1252"))
    env = {"QWENQ_DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    qwenq_here("db", "upgrade", cwd=tmp_path, env=env)
    options = ["--delimiter", ";", "--encoding", "cp1252", "--skip-rows", "1", "--header"]
    words = (
        "schedule",
        "add",
        "nightly",
        "--cron",
        "0 5 * * *",
        "--input",
        "a.csv",
        *MODEL,
        "--output",
        "out.csv",
    )
    added = qwenq_here(*words, *options, cwd=tmp_path, env=env)
    assert added.returncode == 0, added.stderr
    assert "a run would fail" not in added.stderr
    shown = json.loads(qwenq_here("schedule", "show", "nightly", "--json", cwd=tmp_path, env=env).stdout)
    assert '"skip_rows": 1' in json.dumps(shown)


def test_a_job_of_the_python_api_takes_the_options(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"1;Hello\n2;Bye\n")
    env = {"QWENQ_DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    qwenq_here("db", "upgrade", cwd=tmp_path, env=env)
    settings = Settings(database_url=env["QWENQ_DATABASE_URL"])
    job = submit(
        [tmp_path / "a.csv"], model="m", text_column="column2", delimiter=";", header=False, settings=settings
    )
    assert job.documents.total == 2
