"""Spreadsheets: cells as the text that they show, merged cells, and row numbers as in the sheet."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.producer.reading.tables.sheets.merged_cells import MergedRange, merged_ranges
from qwenq.producer.reading.tables.sheets.spreadsheet import sheet_pieces
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import InvalidParameter, UnknownColumn, UnreadableDocument, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import formatted_xlsx, xlsx_of
from tests.readers import shared_reader


def read(data: bytes, sheet: str | None = None, **prompt: Any) -> list[Row]:
    stdin = io.BytesIO(data)
    return list(
        read_rows(
            ["-"], Format.XLSX, PromptSpec(**prompt), GenerationParams(), stdin, sheet, reader=shared_reader()
        )
    )


def contents(rows: list[Row]) -> list[Any]:
    return [orjson.loads(row.content) for row in rows if isinstance(row, Document)]


def test_each_spreadsheet_row_below_the_header_is_a_document(tmp_path: Path) -> None:
    path = tmp_path / "a.XLSX"
    path.write_bytes(xlsx_of([(" text ", "n"), ("one", 1), (None, None), ("two", 2)]))
    rows = list(read_rows([str(path)], None, PromptSpec(), GenerationParams(), reader=shared_reader()))
    assert [(row.line, row.custom_id) for row in rows if isinstance(row, Document)] == [(2, "2"), (4, "4")]
    assert contents(rows) == [{"text": "one", "n": "1"}, {"text": "two", "n": "2"}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1250, "1250"),
        (1250.0, "1250"),
        (0.1 + 0.2, "0.3"),
        (True, "TRUE"),
        (date(2026, 11, 22), "2026-11-22"),
        (datetime(2026, 11, 22, 14, 30), "2026-11-22T14:30:00"),  # noqa: DTZ001 - a sheet knows no zones
        (time(8, 5), "08:05:00"),
        ("=1+1", ""),
        (None, ""),
    ],
)
def test_a_cell_is_the_text_that_it_shows(value: object, text: str) -> None:
    (content,) = contents(read(xlsx_of([("text", "value", "end"), ("x", value, "y")])))
    assert content == {"text": "x", "value": text, "end": "y"}


def test_each_merged_cell_gets_the_value() -> None:
    rows = [
        ("group", "text", "note"),
        ("A", "one", "wide"),
        (None, "two", None),
        (None, "three", "own"),
        ("B", "four"),
    ]
    data = xlsx_of(rows, merged=["A2:A4", "C2:C3"])
    assert [tuple(content.values()) for content in contents(read(data))] == [
        ("A", "one", "wide"), ("A", "two", "wide"), ("A", "three", "own"), ("B", "four", ""),
    ]  # fmt: skip


def test_a_tall_merged_cell_makes_no_rows() -> None:
    data = xlsx_of([("text", "n"), ("one", 1), (None, None), ("", None), ("two", 2)], merged=["A2:A4"])
    assert [row.line for row in read(data)] == [2, 5]


def test_a_merged_header_is_refused() -> None:
    with pytest.raises(UnreadableInput, match="names the column 'text' twice"):
        read(xlsx_of([("text", None), ("a", "b")], merged=["A1:B1"]))


def test_merged_ranges_are_found_wherever_a_block_ends() -> None:
    xml = (
        b'<sheetData/><mergeCells count="2"><x:mergeCell ref="B12:AA13"/><mergeCell ref="A1:C1"></mergeCells>'
    )
    expected = [MergedRange(1, 1, 1, 3), MergedRange(12, 2, 13, 27)]
    for size in range(1, len(xml) + 1):
        assert merged_ranges(xml[at : at + size] for at in range(0, len(xml), size)) == expected


def test_a_sheet_can_be_chosen_by_name() -> None:
    data = xlsx_of([("text",), ("first",)], Other=[("text",), ("second",)])
    assert [content["text"] for content in contents(read(data))] == ["first"]
    assert [content["text"] for content in contents(read(data, "Other"))] == ["second"]
    with pytest.raises(UnreadableInput, match="no sheet 'Third'; it has: First, Other"):
        read(data, "Third")


def test_a_chosen_sheet_is_refused_if_no_input_is_a_spreadsheet() -> None:
    with pytest.raises(InvalidParameter, match="--sheet"):
        read_rows(["-"], Format.CSV, PromptSpec(), GenerationParams(), io.BytesIO(b"text\nx\n"), "Other")


def test_a_row_with_more_cells_than_the_header_is_a_bad_row() -> None:
    rows = read(xlsx_of([("text",), ("x", "y"), ("z",)]))
    assert [isinstance(row, BadRow) for row in rows] == [True, False]
    assert "too many fields: 2, where the header has 1" in rows[0][3]


def test_an_empty_sheet_has_no_rows() -> None:
    assert read(xlsx_of([])) == []
    assert read(xlsx_of([("text",)])) == []


def test_a_sheet_without_the_text_column_is_refused() -> None:
    with pytest.raises(UnknownColumn, match=r"no column 'text'. It has: body"):
        read(xlsx_of([("body",), ("x",)]))


def test_a_cell_far_away_takes_neither_time_nor_memory() -> None:
    data = xlsx_of([("text",), ("x",)])
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.infolist():
            content = old.read(part)
            if "sheet1" in part.filename:
                content = content.replace(
                    b"</sheetData>", b'<row r="2000000"><c r="XFD2000000"><v>1</v></c></row></sheetData>'
                )
            new.writestr(part, content)
    *rows, last = read(changed.getvalue())
    assert contents(rows) == [{"text": "x"}]
    assert "at most 1,048,576 rows" in last[3]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\0text", "not a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "encrypted, or from an Office before 2007"),
        (xlsx_of([("text",)])[:-40], "not a spreadsheet"),
    ],
)
def test_a_file_that_is_not_a_spreadsheet_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableInput, match=reason):
        read(data)


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.producer.reading.tables.sheets.spreadsheet.UNPACKED_BYTES", 1_000)
    with pytest.raises(UnreadableDocument, match="it unpacks to"):
        list(sheet_pieces(io.BytesIO(xlsx_of([("text",), ("x",)])), None, first_only=False))


def test_a_sheet_with_too_many_merged_ranges_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenq.producer.reading.tables.sheets.merged_cells.MOST_RANGES", 1)
    data = xlsx_of([("text", "b"), ("x", None), ("y", None)], merged=["A2:B2", "A3:B3"])
    with pytest.raises(UnreadableDocument, match="more than 1 merged ranges"):
        list(sheet_pieces(io.BytesIO(data), None, first_only=False))


def test_merged_cells_beyond_the_header_are_left_out() -> None:
    rows = read(xlsx_of([("text", "b"), ("x", "y"), ("z", None)], merged=["B2:XFD3", "F2:XFD3"]))
    assert contents(rows) == [{"text": "x", "b": "y"}, {"text": "z", "b": "y"}]


def changed_parts(data: bytes, change: Callable[[str, bytes], tuple[str, bytes]]) -> bytes:
    """The archive with other names and contents of its parts."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.infolist():
            info = zipfile.ZipInfo("x")
            info.filename, content = change(part.filename, old.read(part))
            new.writestr(info, content)
    return changed.getvalue()


def test_numbers_show_in_the_formats_of_their_cells() -> None:
    data = formatted_xlsx(
        (42, "00000"), (0.15, "0%"), (1250.5, '#,##0.00 "€"'), (timedelta(hours=30, minutes=15), "[h]:mm")
    )
    (content,) = contents(read(data))
    assert content == {"text": "x", "a": "00042", "b": "15%", "c": "1,250.50 €", "d": "30:15"}


def test_an_id_is_as_its_cell_shows_it() -> None:
    (row,) = read(formatted_xlsx((42, "00000")), id_column="a")
    assert isinstance(row, Document)
    assert row.custom_id == "00042"


def test_an_error_in_a_column_that_is_used_makes_a_bad_row() -> None:
    data = xlsx_of([("text", "n"), ("#N/A", 1), ("good", "#REF!")])
    rows = read(data)
    assert isinstance(rows[0], BadRow)
    assert "the cell in its column 'text' shows the error #N/A" in rows[0].reason
    assert contents(rows) == [{"text": "good", "n": "#REF!"}]
    rows = read(data, template='{{ row["n"] }} {{ text }}')
    assert [isinstance(row, BadRow) for row in rows] == [True, True]


def test_a_formula_without_a_value_in_a_column_that_is_used_makes_a_bad_row() -> None:
    (row,) = read(xlsx_of([("text", "n"), ("=A1", "x")]))
    assert isinstance(row, BadRow)
    assert "holds a formula whose value was never computed" in row.reason


def test_errors_and_formulas_without_a_value_are_counted() -> None:
    data = xlsx_of([("text", "a", "b"), ("x", "#N/A", "=A1"), ("y", "#REF!", "=A2")])
    pieces = [orjson.loads(piece) for piece in sheet_pieces(io.BytesIO(data), None, first_only=False)]
    assert pieces[-1]["notes"] == [
        "2 cells hold formulas without a value, read as empty; open the file in a spreadsheet program and save it",
        "2 cells show errors (#N/A, #REF!)",
    ]


def test_a_sheet_that_was_taken_by_default_names_the_others() -> None:
    data = xlsx_of([("text",), ("x",)], Other=[], Third=[])
    pieces = [orjson.loads(piece) for piece in sheet_pieces(io.BytesIO(data), None, first_only=False)]
    assert pieces[2]["notes"] == [
        "reading the sheet 'First'; 2 more sheets: Other, Third (--sheet NAME or --sheet all)"
    ]


@pytest.mark.parametrize(
    "first", [[], [("text",)], [("body",), ("x",)], [("text", None, "n"), ("x", "y", "z")]]
)
def test_a_first_sheet_that_cannot_be_used_names_the_others(first: list[tuple[Any, ...]]) -> None:
    with pytest.raises((UnreadableInput, UnknownColumn), match="for another sheet, use --sheet NAME: Data"):
        read(xlsx_of(first, Data=[("text",), ("x",)]))


def test_all_sheets_with_the_same_columns_are_read() -> None:
    data = xlsx_of([("note",)], May=[("text", "n"), ("one", 1)], June=[("n", "text"), (2, "two")], Empty=[])
    rows = read(data, "all")
    assert isinstance(rows[0], BadRow)
    assert "sheet 'First': the sheet is left out: it has other columns: note" in rows[0].reason
    assert [row.custom_id for row in rows if isinstance(row, Document)] == ["May:2", "June:2"]
    assert contents(rows) == [
        {"text": "one", "n": "1", "sheet": "May"},
        {"text": "two", "n": "2", "sheet": "June"},
    ]


def test_a_sheet_that_is_called_all_is_one_sheet() -> None:
    data = xlsx_of([("text",), ("first",)], all=[("text",), ("second",)])
    assert contents(read(data, "all")) == [{"text": "second"}]


def test_strict_open_xml_is_read() -> None:
    def strict(name: str, content: bytes) -> tuple[str, bytes]:
        for kind, path in (("spreadsheetml", "main"), ("officeDocument", "relationships")):
            old = f"http://schemas.openxmlformats.org/{kind}/2006/{path}"
            content = content.replace(old.encode(), f"http://purl.oclc.org/ooxml/{kind}/{path}".encode())
        return name, content

    data = changed_parts(formatted_xlsx((42, "00000")), strict)
    assert contents(read(data)) == [{"text": "x", "a": "00042"}]


def test_parts_with_odd_names_are_found() -> None:
    def odd(name: str, content: bytes) -> tuple[str, bytes]:
        return name.replace("sheet1.xml", "SHEET1.xml").replace("/", "\\"), content

    assert contents(read(changed_parts(xlsx_of([("text",), ("x",)]), odd))) == [{"text": "x"}]


def test_a_cell_with_an_empty_style_shows_its_value() -> None:
    def unstyled(name: str, content: bytes) -> tuple[str, bytes]:
        return name, content.replace(b' s="1"', b' s=""')

    assert contents(read(changed_parts(formatted_xlsx((42, "00000")), unstyled))) == [
        {"text": "x", "a": "42"}
    ]


def test_a_first_sheet_whose_rows_are_all_bad_is_not_called_empty() -> None:
    (row,) = read(xlsx_of([("text",), ("x", "y")], Other=[("text",), ("z",)]))
    assert isinstance(row, BadRow)
    assert "too many fields" in row.reason


@pytest.mark.parametrize(("waits", "is_bad"), [(True, True), (False, False)])
def test_a_zero_in_a_formula_that_waits_to_be_computed_is_no_value(waits: bool, is_bad: bool) -> None:
    def zeroed(name: str, content: bytes) -> tuple[str, bytes]:
        content = re.sub(rb"</f><v ?/>|</f><v></v>", b"</f><v>0</v>", content)
        return name, content if waits else content.replace(b'fullCalcOnLoad="1"', b"")

    (row,) = read(changed_parts(xlsx_of([("text", "n"), ("=1-1", "x")]), zeroed))
    assert isinstance(row, BadRow) == is_bad


def test_a_title_above_the_header_is_told() -> None:
    rows = [("Contracts 2026",), (), ("id", "text"), ("1", "a"), ("2", "b")]
    with pytest.raises(UnreadableInput, match="its first row, 'Contracts 2026', seems to be a title; remove"):
        read(xlsx_of(rows), template="{{ row }}")
    assert len(read(xlsx_of([("text",), ("a",), ("b", "stray"), ("c",)]))) == 3


def test_the_rows_before_damaged_xml_are_read_from_the_first_on() -> None:
    whole = xlsx_of([("text",), ("a",), ("b",)])
    good, broken = read(changed_parts(whole, lambda name, data: (name, data.replace(b'<row r="3"', b"<<"))))
    assert good.line == 2
    assert isinstance(broken, BadRow)
    assert "broke off" in broken.reason


def test_a_first_row_of_data_is_no_header() -> None:
    data = xlsx_of([(date(2026, 1, 1), "a"), (date(2026, 1, 2), "b")])
    with pytest.raises(UnreadableInput, match="'2026-01-01, a', seems to be data; put a row with the names"):
        read(data, template="{{ row }}")
