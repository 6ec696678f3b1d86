"""docs/formats.md and docs/prompts.md agree with what the code reads and writes."""

import io
import json
import re
from pathlib import Path

import pytest

from qwenq.exporting import ERROR_COLUMNS, HISTORY_COLUMNS, RESULT_COLUMNS
from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import Document
from qwenq.schemas.errors import DocumentFailed
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.results import ErrorLine, Result
from qwenq.schemas.templates.builtin import builtin_templates
from qwenq.store.life.rescue import POISON

FOLDER = Path(__file__).parents[3] / "docs"
FORMATS = (FOLDER / "formats.md").read_text("utf-8")
PROMPTS = (FOLDER / "prompts.md").read_text("utf-8")


def section(text: str, title: str) -> str:
    """Give the text under a heading, with its subheadings."""
    level, _, _ = title.partition(" ")
    return re.split(rf"^#{{1,{len(level)}}} ", text.partition(f"\n{title}\n")[2], flags=re.MULTILINE)[0]


def json_lines(text: str) -> list[str]:
    return [
        line for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
    ]


def first_cells(text: str) -> list[str]:
    """List the code words in the first column of a table."""
    return re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)


def test_the_example_rows_are_read_as_documents() -> None:
    lines = json_lines(section(FORMATS, "### JSONL"))
    stdin = io.BytesIO("\n".join(lines).encode())
    rows = list(read_rows(["-"], Format.JSONL, PromptSpec(), GenerationParams(), stdin))
    assert [row.custom_id for row in rows if isinstance(row, Document)] == ["a-17", "a-18", "a-19"]


def test_the_example_result_is_a_result() -> None:
    (line,) = json_lines(section(FORMATS, "## Results"))
    assert Result.model_validate_json(line).model_dump(mode="json") == json.loads(line)


def test_the_example_error_is_an_error_line() -> None:
    (line,) = json_lines(section(FORMATS, "## Errors"))
    assert ErrorLine.model_validate_json(line).model_dump(mode="json") == json.loads(line)


def test_the_page_names_every_column_of_the_history() -> None:
    listed = section(FORMATS, "## Errors").partition("--history")[2]
    assert [column for column in HISTORY_COLUMNS if f"`{column}`" not in listed] == []


@pytest.mark.parametrize(("title", "columns"), [("## Results", RESULT_COLUMNS), ("## Errors", ERROR_COLUMNS)])
def test_the_page_names_the_columns_of_csv_files(title: str, columns: tuple[str, ...]) -> None:
    sentence = section(FORMATS, title).partition(", the columns are ")[2].partition(".")[0]
    assert tuple(re.findall(r"`(\w+)`", sentence)) == columns


def test_the_page_explains_every_error_code() -> None:
    codes = {kind.code for kind in DocumentFailed.__subclasses__()} | {POISON}
    assert set(first_cells(section(FORMATS, "## Errors"))) == codes


def test_the_page_lists_every_builtin_template() -> None:
    listed = first_cells(section(PROMPTS, "## Built-in templates"))
    assert listed == [template.name for template in builtin_templates()]
