"""Damaged files of any kind are read, refused, or give bad rows; nothing else happens."""

import io
import random
from collections.abc import Callable

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.confined.line import Child
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.errors import UsageError
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import docx_of, pdf_of, write_parquet, xlsx_of
from tests.readers import shared_reader

CASES = 8
SEED = 6


def parquet_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("hostile") / "a.parquet"
    return write_parquet(path, {"text": ["x", "y"] * 50, "n": list(range(100))}).read_bytes()


MAKERS: dict[Format, Callable[[pytest.TempPathFactory], bytes]] = {
    Format.PARQUET: parquet_bytes,
    Format.XLSX: lambda _: xlsx_of([("text", "n"), ("x", 1), ("y", 2)], merged=["B2:B3"]),
    Format.DOCX: lambda _: docx_of("one", "two", table=[["a", "b"]]),
    Format.PDF: lambda _: pdf_of("one", "two"),
    Format.HTML: lambda _: b"<html><body><p>one</p><table><tr><td>x</td></tr></table></body></html>",
    Format.TEXT: lambda _: "zażółć\n".encode(),
}


@pytest.mark.parametrize("form", MAKERS)
def test_a_damaged_file_is_refused_or_gives_bad_rows(
    tmp_path_factory: pytest.TempPathFactory, form: Format
) -> None:
    good = MAKERS[form](tmp_path_factory)
    assert not any(isinstance(row, BadRow) for row in rows_of(good, form))
    drawn = random.Random(SEED)
    for _ in range(CASES):
        for row in rows_of(damaged(good, drawn), form):
            text = "".join(map(str, row))
            text.encode()
            assert "\0" not in text, "PostgreSQL keeps no NUL"
            assert row.line > 0


def test_a_table_that_is_refused_leaves_the_reader_process_for_the_next_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin, starts = Child.begin, 0

    def count(module: str, limits: Limits) -> Child:
        nonlocal starts
        starts += 1
        return begin(module, limits)

    monkeypatch.setattr(Child, "begin", count)
    good = xlsx_of([("text",), ("x",)])
    with ReaderProcess() as reader:
        for data in (b"PK\3\4 damaged", good, b"no spreadsheet", good):
            rows_of(data, Format.XLSX, reader)
    assert starts == 1


def rows_of(data: bytes, form: Format, reader: ReaderProcess | None = None) -> list[Row]:
    """The rows of some bytes; [] if the file is refused."""
    stdin, reader = io.BytesIO(data), reader or shared_reader()
    try:
        return list(read_rows(["-"], form, PromptSpec(), GenerationParams(), stdin, reader=reader))
    except UsageError:
        return []


def damaged(good: bytes, drawn: random.Random) -> bytes:
    """Change, remove or cut off some bytes of a file."""
    data = bytearray(good)
    for _ in range(drawn.randint(1, 8)):
        data[drawn.randrange(len(data))] = drawn.randrange(256)
    at, length = drawn.randrange(len(data)), drawn.choice([0, 0, 1, 40, len(data)])
    del data[at : at + length]
    return bytes(data)
