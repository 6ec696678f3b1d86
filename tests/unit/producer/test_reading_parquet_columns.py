"""Parquet: the columns that are read, and what is said about the others."""

import base64
import zlib
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from qwenq.producer.reading import read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidParameter, UnknownColumn, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, PromptSpec
from tests.made_files import write_parquet
from tests.readers import shared_reader

PICTURE = b"\x89PNG\r\n\x1a\n\0\xff"

# An id, a struct without members and a number: duckdb's empty_group_test.parquet, since pyarrow writes no such file.
EMPTY_GROUP = (
    "c-n1}zfZzI6vtl=#13d8`YyesLt~_Y1QAFCOc*dG#({w_IhdG23pT+Pq3FWkpW*0$i9;tx{{%<>5C;=?-xUq@$KAE}eRuDD-s?--"
    "hn+H}aEoU6^zpLVLWU4MNra59sR}H{QgO)rb4r6L-v$xWH18hXU)O&VleUbD-b9L75kU%(0kH(fB!b|OH-Rl&qNuMecBOL_=L(m1"
    "Iu8|`Nr_2uc9Q7$H<*%z+$zX4=GxhvR=C;RAcuXXr95X6I5skAthk=%j1gq%O>$oIM}g~m*6`f60xP>safXcJOz5Iuf=(H-kP?!L"
    "bjqoOxnin~>i_K$IyH&l&^VA)1D_|5^GAlqAYp6)`<XT3&iKp>6^V`a?ho!+;@%imf!{MKGR;*IAkx~=zzr^@-D1zb+#6ZrtEm(0"
    "4*ZxjuAT9OvKpmgrCO}yx>I*(8})j>V%7Sko>Q*nML`Fk1*h~uZTg2k0XPL!<p"
)


class Reading:
    """Reads a file, and keeps what is said about it."""

    def __init__(self, path: Path, **prompt: Any) -> None:
        self.notes: list[str] = []
        self.rows: list[Row] = list(
            read_rows(
                [str(path)],
                None,
                PromptSpec(**prompt),
                GenerationParams(),
                tell=self.notes.append,
                reader=shared_reader(),
            )
        )

    @property
    def contents(self) -> list[Any]:
        """The columns of each document."""
        return [orjson.loads(row.content) for row in self.rows if isinstance(row, Document)]


def write(folder: Path, **columns: Any) -> Path:
    return write_parquet(folder / "a.parquet", columns)


def test_only_the_columns_that_the_prompt_names_are_read_beside_the_id(tmp_path: Path) -> None:
    path = write(tmp_path, id=["a"], text=["x"], party=["Acme"], pages=[3])
    assert Reading(path).contents == [{"id": "a", "text": "x"}]
    by_template = Reading(path, template="{{ party }}: {% for n in range(pages) %}{{ n }}{% endfor %}")
    assert by_template.contents == [{"id": "a", "party": "Acme", "pages": 3}]
    assert by_template.notes == [
        f"{path}: columns that the prompt does not name are left out: text; --columns all reads them"
    ]


@pytest.mark.parametrize("template", ["{{ row }}", "{{ party }} {{ absent }}"])
def test_every_column_is_read_if_the_prompt_may_use_all_or_names_a_missing_one(
    tmp_path: Path, template: str
) -> None:
    path = write(tmp_path, id=["a"], text=["x"], party=["Acme"])
    assert Reading(path, template=template).contents == [{"id": "a", "text": "x", "party": "Acme"}]


def test_columns_that_the_prompt_reads_through_row_are_known(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"text": ["x"], "Invoice No.": ["7"], "picture": ["long"]})
    assert Reading(path, template="{{ row['Invoice No.'] }}").contents == [{"Invoice No.": "7"}]


def test_every_column_is_read_if_results_keep_some() -> None:
    spec = JobSpec(model="echo")
    assert spec.keeping(None) == spec
    assert spec.keeping(("party",)).prompt.columns == "all"
    named = JobSpec(model="echo", prompt=PromptSpec(columns=("party",)))
    assert named.keeping("all") == named


def test_every_column_of_conversations_is_read(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Hello"}]
    path = write(tmp_path, messages=[said], topic=["greeting"])
    assert Reading(path, text_column="messages").contents == [{"messages": said, "topic": "greeting"}]


def test_columns_names_what_is_read_beside_the_id_and_the_text(tmp_path: Path) -> None:
    path = write(tmp_path, id=["a"], text=["x"], party=["Acme"], pages=[3])
    reading = Reading(path, columns=("pages",))
    assert reading.contents == [{"id": "a", "text": "x", "pages": 3}]
    assert not reading.notes
    assert Reading(path, template="{{ row }}", columns=("party",)).contents == [{"id": "a", "party": "Acme"}]
    assert Reading(path, columns="all").contents == [{"id": "a", "text": "x", "party": "Acme", "pages": 3}]


def test_columns_that_no_parquet_file_has_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, id=["a"], text=["x"])
    with pytest.raises(UnknownColumn, match=r"no column 'party'. It has: id, text"):
        Reading(path, columns=("party",))
    rows = tmp_path / "a.jsonl"
    rows.write_text('{"text": "x"}\n')
    with pytest.raises(InvalidParameter, match="--columns: none of the inputs is a Parquet file"):
        Reading(rows, columns=("text",))


def test_a_binary_column_is_left_out_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, text=["x", "y"], picture=[PICTURE, PICTURE], wkb=pa.array([b"\1\0", b"\1\0"]))
    for prompt in ({}, {"template": "{{ row }}"}, {"columns": "all"}):
        reading = Reading(path, **prompt)
        assert reading.contents == [{"text": "x"}, {"text": "y"}]
        assert reading.notes == [f"{path}: binary columns are left out: picture, wkb"]


def test_binary_members_of_a_struct_are_left_out_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, text=["x"], image=[{"bytes": PICTURE, "path": "a.png"}], pages=[[PICTURE]])
    reading = Reading(path, template="{{ text }} {{ image.path }}")
    assert reading.contents == [{"text": "x", "image": {"path": "a.png"}}]
    assert reading.notes == [f"{path}: binary columns are left out: image.bytes, pages"]
    whole = Reading(path, template="{{ row }}")
    assert whole.contents == reading.contents
    assert whole.notes == [f"{path}: binary columns are left out: image.bytes, pages.list.element"]


def test_times_beside_a_binary_member_that_is_left_out_are_read(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("taken", pa.timestamp("ns", "tzutc()"))])
    path = write(tmp_path, text=["x"], image=pa.array([{"bytes": PICTURE, "taken": 1_500}], kind))
    content = {"text": "x", "image": {"taken": "1970-01-01T00:00:00.000001+00:00"}}
    assert Reading(path, template="{{ text }} {{ image.taken }}").contents == [content]


def test_a_binary_column_that_the_prompt_names_is_read_as_text(tmp_path: Path) -> None:
    path = write(tmp_path, text=["x", "y"], body=["naïve".encode(), PICTURE])
    reading = Reading(path, template="{{ body }}")
    assert reading.contents == [{"body": "naïve"}]
    (bad,) = [row for row in reading.rows if isinstance(row, BadRow)]
    assert bad.line == 2
    assert bad.reason.startswith("the column 'body' cannot be read: it is binary, and not text in UTF-8.")


def test_binary_columns_of_text_as_older_programs_write_them_are_text(tmp_path: Path) -> None:
    path = write(tmp_path, text=[b"Der Vertrag\tbeginnt am 1. M\xc3\xa4rz."], row=[[b"a", b"b"]])
    reading = Reading(path, template="{{ row }}")
    assert reading.contents == [{"text": "Der Vertrag\tbeginnt am 1. März.", "row": ["a", "b"]}]
    assert not reading.notes


def test_a_column_with_a_dot_in_its_name_is_no_member_of_another(tmp_path: Path) -> None:
    columns = {"text": ["x"], "a.b": ["dotted"], "a": [{"b": "member", "c": PICTURE}]}
    path = write_parquet(tmp_path / "a.parquet", columns)
    assert Reading(path, template="{{ row }}").contents == [
        {"text": "x", "a.b": "dotted", "a": {"b": "member"}}
    ]


@pytest.mark.parametrize(
    ("prompt", "advice"),
    [
        ({}, "If one of them is text in UTF-8, name it in the prompt, as in --prompt '{{ scan }}'"),
        ({"template": "{{ row }}"}, "name it in the prompt, as in --prompt '{{ scan }}'"),
        ({"template": "{{ thumb.bytes }}"}, "Write them as text."),
    ],
)
def test_a_file_with_binary_columns_alone_is_refused_by_their_names(
    tmp_path: Path, prompt: dict[str, str], advice: str
) -> None:
    thumb = pa.array([{"bytes": PICTURE, "mask": PICTURE}])
    with pytest.raises(UnreadableInput, match=r"are binary: scan, thumb\.bytes, thumb\.mask") as refused:
        Reading(write(tmp_path, scan=[PICTURE], thumb=thumb), **prompt)
    assert advice in str(refused.value)


def test_binary_text_is_read_as_the_refusal_advises(tmp_path: Path) -> None:
    path = write(tmp_path, note=["\x01Größe".encode()])
    with pytest.raises(UnreadableInput, match="binary: note"):
        Reading(path)
    assert Reading(path, template="{{ note }}").contents == [{"note": "\x01Größe"}]


def test_a_struct_without_members_is_no_column(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(zlib.decompress(base64.b85decode(EMPTY_GROUP)))
    assert Reading(path, template="{{ row }}").contents[0] == {"id": 1, "optional_data": 100}
