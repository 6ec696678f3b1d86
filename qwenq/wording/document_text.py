"""How a stored row is worded: its text, or its columns by name."""

from typing import Any

import orjson

from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.views.job_pages import CutText

SHOWN_CHARACTERS = 600
SHOWN_LINES = 12


def row_in_words(content: str, prompt: PromptSpec) -> str:
    """Word a row as its text if it has no other column, else column by column; anything but a JSON object as it is."""
    try:
        row = orjson.loads(content)
    except orjson.JSONDecodeError:
        return content
    if not isinstance(row, dict):
        return content
    columns = {name: value for name, value in row.items() if name != prompt.id_column}
    if len(columns) == 1 and isinstance(text := columns.get(prompt.text_column), str):
        return text
    return "\n".join(f"{name}: {_value_in_words(value)}" for name, value in columns.items())


def shortened(content: CutText, prompt: PromptSpec) -> CutText:
    """The beginning of a row in words. A row that was cut before stays as it is stored."""
    if not content.is_whole:
        return beginning(content)
    words = row_in_words(content.text, prompt)
    return beginning(CutText(words, len(words)))


def beginning(text: CutText) -> CutText:
    """The beginning of a text, short enough for a list."""
    lines = text.text[:SHOWN_CHARACTERS].splitlines(keepends=True)[:SHOWN_LINES]
    return CutText("".join(lines), text.characters)


def _value_in_words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
