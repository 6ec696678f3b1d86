"""Files as people and programs write them: read, or refused with what to do."""

import io
from typing import Any

import orjson
import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.table_options import TableOptions


def read(
    data: str, form: Format = Format.CSV, **options: Any
) -> tuple[list[Any], list[tuple[int, str]], list[str]]:
    """The good rows; the lines and reasons of the bad ones; what is said."""
    said: list[str] = []
    tables = TableOptions(**options)
    stdin = io.BytesIO(data.encode())
    rows = list(
        read_rows(["-"], form, PromptSpec(), GenerationParams(), stdin, tables=tables, tell=said.append)
    )
    good = [orjson.loads(row.content) for row in rows if isinstance(row, Document)]
    return good, [(row.line, row.reason) for row in rows if isinstance(row, BadRow)], said


@pytest.mark.parametrize("header", ['"id", "text"', "id, text", "id,text"])
def test_spaces_before_quotes_are_no_part_of_a_field(header: str) -> None:
    good, bad, said = read(f'{header}\n"1", "Hello, you"\n"2", "Bye"\n')
    assert good == [{"id": "1", "text": "Hello, you"}, {"id": "2", "text": "Bye"}]
    assert not bad
    assert said == ["stdin: spaces before quotes are left out"]


def test_a_space_before_a_text_without_quotes_stays() -> None:
    assert read("id,text\n1, a\n2,b\n") == ([{"id": "1", "text": " a"}, {"id": "2", "text": "b"}], [], [])


def test_a_second_mark_hides_no_column() -> None:
    good, _, _ = read("\ufeff\ufeffid,text\n7,a\n")
    assert good == [{"id": "7", "text": "a"}]


def test_a_header_between_joined_files_is_no_document() -> None:
    good, bad, _ = read("id,text\n1,a\nid,text\n2,b\n")
    assert [row["id"] for row in good] == ["1", "2"]
    assert bad == [(3, "it is the header again, as between files that were joined")]
    assert len(read("text\na\ntext\n")[0]) == 2


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("id text\n1 Hello\n2 Bye\n", "give --delimiter space"),
        (
            "id   text\n1    Hello there\n2    Bye\n",
            "give --delimiter space if it is one space each, else save it as",
        ),
        ("| id | text |\n|----|:----:|\n| 1 | a |\n", "it is a table of Markdown; save it as CSV"),
        ("<table><tr><td>id</td></tr></table>", "an HTML page"),
    ],
)
def test_a_table_that_is_no_csv_is_refused_with_what_to_do(data: str, advice: str) -> None:
    with pytest.raises(UnreadableInput) as refused:
        read(data)
    assert advice in str(refused.value)


def test_a_table_with_spaces_between_its_columns_is_read_as_advised() -> None:
    good, _, _ = read("id text\n1 Hello\n2 Bye\n", delimiter=" ")
    assert good == [{"id": "1", "text": "Hello"}, {"id": "2", "text": "Bye"}]


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ('["first text", "second text"]', 'a string; write it as {"text": …}'),
        ('[["id", "text"], ["1", "a"]]', "an array; write each row as an object"),
        ('{"columns": ["text"], "index": [0], "data": [["a"]]}', "orient='records'"),
        ('{"k1": {"text": "a"}, "k2": {"text": "b"}}', "if they are the rows, write them as an array"),
    ],
)
def test_rows_in_other_shapes_of_json_say_how_to_write_them(data: str, advice: str) -> None:
    good, bad, _ = read(data, Format.JSONL)
    assert not good
    assert all(advice in reason for _, reason in bad)
