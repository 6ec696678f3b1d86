"""How files are written: choices of the person that hold for answers and errors alike."""

from dataclasses import dataclass
from typing import Literal

from qwenq.schemas.results import OutputFormat

KeepColumns = Literal["all"] | tuple[str, ...] | None
"""Which columns of the input go along: all, those with these names, or no column."""


@dataclass(frozen=True, slots=True)
class FileStyle:
    """How files are written.

    With `csv_safe`, no cell of a CSV file is a formula to a spreadsheet. With `bom`, a CSV file begins with a byte
    order mark, by which Excel knows that it is UTF-8. `keep_columns` are columns of the input that go along.
    `output_format` is the format of the answers; without it, the ending of their file decides.
    """

    csv_safe: bool = False
    bom: bool = False
    keep_columns: KeepColumns = None
    output_format: OutputFormat | None = None


PLAIN = FileStyle()
