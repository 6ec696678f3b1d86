"""Where the table of a sheet stands, which of its rows are hidden, and how parts of its texts look."""

import io
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import xlsxwriter
from openpyxl import Workbook

from qwenq.producer.reading.tables.sheets.spreadsheet import sheet_pieces


def read(data: bytes) -> dict[str, Any]:
    """What the pieces of a file say together."""
    said: dict[str, Any] = {"rows": [], "notes": []}
    for piece in map(orjson.loads, sheet_pieces(io.BytesIO(data), None, first_only=False)):
        for name, value in piece.items():
            said[name] = said[name] + value if isinstance(said.get(name), list) else value
    return said


def saved(fill: Callable[[Any], object]) -> bytes:
    book, written = Workbook(), io.BytesIO()
    fill(book.worksheets[0])
    book.save(written)
    return written.getvalue()


def test_a_column_without_a_name_at_the_beginning_is_named() -> None:
    def fill(sheet: Any) -> None:
        for row in ([None, "id", "text"], [0, 7, "a"], [1, 8, "b"]):
            sheet.append(row)

    said = read(saved(fill))
    assert said["columns"] == ["column1", "id", "text"]
    assert said["rows"] == [[2, ["0", "7", "a"]], [3, ["1", "8", "b"]]]
    assert said["notes"] == ["its first column has no name, and is called column1"]


def test_a_table_that_does_not_begin_at_a1_is_read() -> None:
    def fill(sheet: Any) -> None:
        for place, row in enumerate([("id", "text"), (1, "a"), *[(2, "b")] * 10], start=5):
            sheet[f"C{place}"], sheet[f"D{place}"] = row
        sheet["A30"], sheet["D31"] = "stray", "c"

    said = read(saved(fill))
    assert said["columns"] == ["id", "text"]
    assert said["rows"][0] == [6, ["1", "a"]]
    assert said["rows"][-2][:3] == [30, None, "a cell stands to the left of the table's columns"]
    assert said["rows"][-1] == [31, ["", "c"]]


def test_a_title_above_a_table_that_does_not_begin_at_a1_is_told() -> None:
    def fill(sheet: Any) -> None:
        sheet["C3"], sheet["C5"], sheet["D5"], sheet["C6"], sheet["D6"] = "Report", "id", "text", 1, "a"

    assert read(saved(fill))["title"] == "Report"


@pytest.mark.parametrize(("hidden", "note"), [((3,), "1 row is hidden"), ((2, 3, 9), "2 rows are hidden")])
def test_rows_that_a_filter_hides_are_read_and_told(hidden: tuple[int, ...], note: str) -> None:
    def fill(sheet: Any) -> None:
        for row in (["id", "text"], [1, "a"], [2, "b"], [3, "c"]):
            sheet.append(row)
        for number in hidden:
            sheet.row_dimensions[number].hidden = True

    said = read(saved(fill))
    assert len(said["rows"]) == 3
    assert note in said["notes"][0]


def test_raised_lowered_and_struck_parts_of_a_text_are_told_apart() -> None:
    written = io.BytesIO()
    with xlsxwriter.Workbook(written) as book:
        sheet = book.add_worksheet()
        raised, lowered, struck = (
            book.add_format({name: value})
            for name, value in (("font_script", 1), ("font_script", 2), ("font_strikeout", True))
        )
        sheet.write(0, 0, "text")
        sheet.write_rich_string(1, 0, "10", raised, "6", " m, CO", lowered, "2", ", ", struck, "old", " new")
    assert read(written.getvalue())["rows"] == [[2, ["10⁶ m, CO₂, ~~old~~ new"]]]
