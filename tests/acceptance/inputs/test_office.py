"""Word documents and spreadsheets as people have them: read as they show, or refused with the right advice."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenq.producer.reading import read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.commands import qwenq_here
from tests.made_files import docx_of, formatted_xlsx, xlsx_of
from tests.readers import shared_reader
from tests.word_files import definition, level, numbered, paragraph, word_of

TICK = '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox>{state}</w:checkBox></w:ffData></w:fldChar></w:r>'
CHOICE = (
    '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:ddList><w:result w:val="1"/>'
    '<w:listEntry w:val="Germany"/><w:listEntry w:val="France"/></w:ddList></w:ffData></w:fldChar></w:r>'
)
END = '<w:r><w:fldChar w:fldCharType="end"/></w:r>'


def rows_of(folder: Path, name: str, data: bytes, sheet: str | None = None, **prompt: Any) -> list[Row]:
    (folder / name).write_bytes(data)
    return list(
        read_rows(
            [str(folder / name)],
            None,
            PromptSpec(**prompt),
            GenerationParams(),
            sheet=sheet,
            reader=shared_reader(),
        )
    )


def columns(row: Row) -> Any:
    assert isinstance(row, Document), row
    return orjson.loads(row.content)


def text_of(folder: Path, data: bytes) -> str:
    (row,) = rows_of(folder, "a.docx", data)
    return str(columns(row)["text"])


def test_d9_embedded_parts_stand_in_their_place_or_are_refused(folder: Path) -> None:
    body = paragraph("Before.") + '<w:altChunk r:id="a.html"/>'
    assert (
        text_of(folder, word_of(body, embedded={"a.html": b"<p>The contract."})) == "Before.\n\nThe contract."
    )
    (row,) = rows_of(folder, "b.docx", word_of(body))
    assert isinstance(row, BadRow)
    assert "a part of its text is not in the file; open it in Word and save it again" in row.reason


def test_d10_choices_and_ticks_of_a_form_are_read(folder: Path) -> None:
    ticks = (f"<w:p>{TICK.format(state=state)}{END}</w:p>" for state in ("<w:checked/>", ""))
    assert text_of(folder, word_of(f"<w:p>{CHOICE}{END}</w:p>" + "".join(ticks))) == "France\n\n☒\n\n☐"


def test_d11_a_tick_of_a_symbol_font_is_a_tick(folder: Path) -> None:
    body = '<w:p><w:r><w:sym w:font="Wingdings" w:char="F0FC"/></w:r><w:r><w:t> paid</w:t></w:r></w:p>'
    assert text_of(folder, word_of(body)) == "✓ paid"


def test_d12_clauses_have_their_numbers(folder: Path) -> None:
    numbering = definition(
        level(0, "decimal", "%1."), level(1, "decimal", "%1.%2"), level(2, "lowerLetter", "(%3)")
    )
    body = (
        numbered("Term")
        + numbered("Start", 1)
        + numbered("in May", 2)
        + numbered("Price")
        + numbered("See 1.1", 1)
    )
    assert text_of(folder, word_of(body, numbering=numbering)).split("\n\n") == [
        "1. Term", "1.1 Start", "(a) in May", "2. Price", "2.1 See 1.1",
    ]  # fmt: skip


def test_d13_text_is_as_if_all_changes_were_accepted(folder: Path) -> None:
    body = "<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins><w:r><w:t>new</w:t></w:r></w:ins></w:p>"
    assert text_of(folder, word_of(body)) == "new"


def test_d14_hidden_text_is_left_out(folder: Path) -> None:
    assert text_of(folder, word_of(paragraph("seen") + paragraph("hidden", look="<w:vanish/>"))) == "seen"


def test_d15_a_power_and_a_fraction_stay_what_they_are(folder: Path) -> None:
    power = "<m:sSup><m:e><m:r><m:t>10</m:t></m:r></m:e><m:sup><m:r><m:t>-6</m:t></m:r></m:sup></m:sSup>"
    fraction = "<m:f><m:num><m:r><m:t>a</m:t></m:r></m:num><m:den><m:r><m:t>b</m:t></m:r></m:den></m:f>"
    body = "".join(f"<w:p><m:oMath>{one}</m:oMath></w:p>" for one in (power, fraction))
    assert text_of(folder, word_of(body)) == "10^-6\n\na/b"


def test_d16_tables_and_paragraphs_are_read(folder: Path) -> None:
    assert text_of(folder, docx_of("Contract", table=[["sum", "12"], ["due", "June"]])) == (
        "Contract\n\nsum\t12\ndue\tJune"
    )


def test_x1_and_x8_cells_and_ids_are_as_the_sheet_shows_them(folder: Path) -> None:
    cells = [
        (42, "00000"),
        (0.15, "0%"),
        (1250.5, '#,##0.00 "€"'),
        (timedelta(hours=30, minutes=15), "[h]:mm"),
    ]
    (row,) = rows_of(folder, "a.xlsx", formatted_xlsx(*cells), id_column="a")
    assert row[0] == "00042"
    assert list(columns(row).values()) == ["x", "00042", "15%", "1,250.50 €", "30:15"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.parquet"])
def test_x10_a_text_under_the_name_of_a_binary_table_is_told(folder: Path, name: str) -> None:
    with pytest.raises(UnreadableInput, match="it is text; if it is a table, give --format csv"):
        rows_of(folder, name, b"id;text\n1;a\n")
    with pytest.raises(UnreadableInput, match="it is empty"):
        rows_of(folder, name, b"")


def test_x2_an_empty_first_sheet_names_the_others(folder: Path) -> None:
    data = xlsx_of([], Data=[("text",), ("x",)])
    with pytest.raises(
        UnreadableInput, match="its sheet 'First' is empty; for another sheet, use --sheet NAME: Data"
    ):
        rows_of(folder, "a.xlsx", data)
    assert [columns(row) for row in rows_of(folder, "a.xlsx", data, "Data")] == [{"text": "x"}]


def test_x5_x7_errors_and_formulas_without_values_are_no_texts(folder: Path) -> None:
    rows = rows_of(folder, "a.xlsx", xlsx_of([("text",), ("#N/A",), ("=A1",), ("good",)]))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "the cell in its column 'text' shows the error #N/A",
        "the cell in its column 'text' holds a formula whose value was never computed",
    ]


def test_x9_all_sheets_are_read_on_the_command_line(folder: Path) -> None:
    (folder / "a.xlsx").write_bytes(xlsx_of([("text",), ("one",)], Second=[("text",), ("two",)]))
    arguments = ("--sheet", "all", "--prompt", "{{ sheet }}: {{ text }}", "--dry-run")
    shown = qwenq_here("run", "a.xlsx", "--model", "echo", *arguments, cwd=folder).stdout
    assert "First: one" in shown
    assert "Second: two" in shown


def test_x9_the_other_sheets_are_named(folder: Path) -> None:
    (folder / "a.xlsx").write_bytes(xlsx_of([("text",), ("one",)], Second=[("text",), ("two",)]))
    ran = qwenq_here("run", "a.xlsx", "--model", "echo", "--prompt", "{{ text }}", "--dry-run", cwd=folder)
    note = "reading the sheet 'First'; 1 more sheet: Second (--sheet NAME or --sheet all)"
    assert note in ran.stdout + ran.stderr
