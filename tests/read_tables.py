"""Reads tables for tests, and keeps what is said about them."""

import io
import json
from typing import Any

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.documents import BadRow, Document, Row
from qwenq.schemas.errors import UnknownColumn, UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.table_options import TableOptions

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
