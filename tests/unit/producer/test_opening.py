"""Opening an input: faults are found before anything is stored, and no row is lost."""

import io
from typing import Any

import pytest

from qwenq.producer.opening import PEEKED_ROWS, open_input
from qwenq.producer.reading import Format
from qwenq.schemas.documents import Document, Row
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate, NoGoodRow, UnknownColumn
from qwenq.schemas.jobs import JobSpec, PromptSpec

GOOD = b'{"id":"g","text":"t","title":"T"}\n'


def opened(data: bytes, form: Format = Format.JSONL, **prompt: Any) -> list[Row]:
    spec = JobSpec(model="m", prompt=PromptSpec(**prompt), sources=("-",))
    _, rows = open_input(spec, form, io.BytesIO(data))
    return list(rows)


@pytest.mark.parametrize("before", [0, 1, 50, 999, 1_000, 1_500])
def test_no_row_is_lost_after_any_number_of_bad_rows(before: int) -> None:
    rows = opened(b"bad\n" * before + GOOD * 500)
    assert [row.line for row in rows] == list(range(1, before + 501))
    assert sum(isinstance(row, Document) for row in rows) == 500


def test_an_input_of_bad_rows_is_refused_with_the_first_reason() -> None:
    with pytest.raises(NoGoodRow, match=r"line 2: it is not a JSON object; 3 bad rows in all: 2 like line 3"):
        opened(b"\n[1]\nbad\nbad\n")


def test_an_empty_input_is_refused() -> None:
    with pytest.raises(NoGoodRow, match="it is empty"):
        opened(b"\n")
    with pytest.raises(NoGoodRow, match="it is empty"):
        opened(b"id,text\n", Format.CSV)


def test_an_input_that_begins_with_very_many_bad_rows_is_not_refused() -> None:
    assert len(opened(b"bad\n" * (PEEKED_ROWS + 1))) == PEEKED_ROWS + 1


def test_a_template_column_that_no_document_has_is_refused() -> None:
    with pytest.raises(UnknownColumn) as caught:
        opened(GOOD * 3, template="{{ text }} {{ titel }}")
    assert (caught.value.column, caught.value.columns) == ("titel", "id, text, title")
    with pytest.raises(UnknownColumn, match=r"no column 'titel'\. It has: a, b\."):
        opened(b"a,b\n1,2\n", Format.CSV, template="{{ titel }}")


def test_a_column_whose_name_is_not_a_word_is_shown_as_a_template_writes_it() -> None:
    for column in ("e", "row.e_mail"):
        with pytest.raises(
            UnknownColumn, match=r'It has: id, e-mail, on \(in a template: row\["e-mail"\]\)\.'
        ):
            opened(b"id,e-mail,on\n1,2,3\n", Format.CSV, template="{{ " + column + " }}")


def test_a_member_that_no_document_has_is_not_told_as_a_column() -> None:
    with pytest.raises(
        InvalidParameter, match="it reads 'city' inside of another value, where none of the first"
    ):
        opened(b'{"id":"g","text":"t","at":{"town":"x"}}\n', template="{{ text }} {{ at.city }}")


def test_a_template_column_that_some_documents_lack_is_accepted() -> None:
    rows = opened(GOOD * 3 + b'{"text":"t","titel":"T"}\n', template="{{ titel }}")
    assert len(rows) == 4


def test_a_column_with_a_default_may_be_missing() -> None:
    assert len(opened(GOOD, template="{{ titel | default(text) }}")) == 1


def test_a_template_that_fails_for_another_reason_is_not_refused() -> None:
    assert len(opened(GOOD, template="{{ 1 // (text | length - 1) }}")) == 1


def test_an_id_column_that_no_document_has_is_refused() -> None:
    with pytest.raises(UnknownColumn, match="no column 'key'"):
        opened(GOOD, id_column="key")
    assert len(opened(GOOD + b'{"key":1,"text":""}', id_column="key")) == 2


def test_a_broken_template_is_refused() -> None:
    with pytest.raises(InvalidTemplate):
        opened(GOOD, template="{% if %}")


def test_only_a_few_long_rows_are_read_ahead() -> None:
    line = b'{"text":"' + b"x" * 1_000_000 + b'"}\n'
    spec = JobSpec(model="m", sources=("-",))
    stream = io.BytesIO(line * 40)
    _, rows = open_input(spec, Format.JSONL, stream)
    assert stream.tell() < 10_000_000
    assert sum(1 for _ in rows) == 40
