"""Options on the files of answers and errors, for `run`, `results` and `schedule add`."""

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from qwenq.cli.options.shared import option
from qwenq.schemas.results import OutputFormat

if TYPE_CHECKING:
    from qwenq.exporting.style import FileStyle

F = TypeVar("F", bound=Callable[..., Any])
ALL = "all"
STYLE = ("csv_safe", "bom", "keep_columns", "output_format")


class ColumnNames(click.ParamType[Any]):
    """Names of columns, separated by commas as in CSV; or `all`."""

    name = "columns"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the names. A tuple is returned as it is: click converts defaults twice."""
        if not isinstance(value, str):
            return value
        if value.strip() == ALL:
            return ALL
        names = tuple(dict.fromkeys(name.strip() for name in _fields(value)))
        if not names or "" in names:
            self.fail('give "all", or names of columns such as language,author', param, ctx)
        return names


def _fields(value: str) -> list[str]:
    try:
        return next(csv.reader([value], skipinitialspace=True, strict=True), [])
    except csv.Error:
        return []


def _output_format(
    _context: click.Context, _option: click.Parameter, given: str | None
) -> OutputFormat | None:
    return None if given is None else OutputFormat(given)


_STYLE_OPTIONS = (
    option("--output-format", type=click.Choice(tuple(map(str, OutputFormat))),
           callback=_output_format,
           help="The format of the answers, whatever their file is called; openai is the shape of OpenAI's Batch "
           "output [default: by its ending]."),
    option("--keep-columns", type=ColumnNames(), metavar="all|A,B",
           help="Columns of the input that go along with answers and errors [default: none]."),
    option("--csv-safe", is_flag=True,
           help="In CSV, put an apostrophe before cells that a spreadsheet would take for a formula."),
    option("--bom", is_flag=True, help="Begin CSV with a byte order mark, so that Excel reads it as UTF-8."),
)  # fmt: skip


def style_options(function: F) -> F:
    """Add the options on files. STYLE names them."""
    for decorate in reversed(_STYLE_OPTIONS):
        function = decorate(function)
    return function


def style_of(options: dict[str, Any]) -> "FileStyle":
    """Take these options out of the command's options."""
    from qwenq.exporting.style import FileStyle

    return FileStyle(**{name: options.pop(name) for name in STYLE})
