"""Where the rows of a text table start, and what cuts them; or why that is unclear, with what to do."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from qwenq.producer.reading.column_names import column_name, shortened
from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.rules import RowRules
from qwenq.producer.reading.sources.source import OpenSource
from qwenq.producer.reading.tables.header import ADVICE
from qwenq.producer.reading.tables.layout import Cut, cut, find_layout, sep_line, shown
from qwenq.producer.reading.tables.quoting import USUAL, Quoting, find_quoting
from qwenq.producer.reading.tables.text_table import TextTable
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.table_options import TableOptions

_SEEN_CHARS = 40
_SPACES = 3
_SHARE = 0.8
_RULE = re.compile(r":?-{3,}:?|")
_ONE_NAME = re.compile(r"[\w .-]+")
_DRAWN = re.compile(r"[-+=|\u2500-\u257f :]{6,}")
_CORNERS = frozenset("+| \u253c\u2502")
_LINES_OF_TITLE = 3


@dataclass(frozen=True, slots=True)
class Start:
    """The delimiter, and the lines to leave out before the header.

    With `spaced`, spaces before fields are left out. `filled` columns of the first records are not all empty.
    `found` says what was found out; `advice` is for a header whose names cannot be used.
    """

    delimiter: str
    skipped: int
    filled: int
    found: tuple[str, ...]
    advice: str
    spaced: bool = False
    quoting: Quoting = USUAL


def find_start(source: OpenSource, table: TextTable, rules: RowRules, options: TableOptions) -> Start:
    """Find the start of a table. Raises UnreadableInput if its first line seems to be no header."""
    usual = "\t" if source.format == Format.TSV else ","
    text, skipped = table.beginning, options.skip_rows
    lines = text.split("\n", skipped)
    text = lines[skipped] if len(lines) > skipped else ""
    # A line such as sep=; names the delimiter, and is no row.
    named = sep_line(text.partition("\n")[0])
    if named is not None:
        text, skipped = text.partition("\n")[2], skipped + 1
    required = () if options.header is False else rules.required_columns
    layout = find_layout(text, skipped + 1, usual, required, whole=table.whole)
    delimiter = options.delimiter or named
    best = layout.cut if delimiter is None else cut(text, skipped + 1, delimiter, whole=table.whole)
    quoting = find_quoting(text, best.delimiter, whole=table.whole)
    spaced = best.has_spaced_quotes()
    if spaced or not quoting.is_usual:
        best = cut(text, skipped + 1, best.delimiter, whole=table.whole, spaced=spaced, quoting=quoting)
    # A single record that may be cut off shows nothing.
    if options.header is None and (table.whole or len(best.records) > 1):
        _check(source.name, best, layout.cut, required, rules.named_columns)
    found = []
    if delimiter is None and best.delimiter != usual and best.width > 1:
        found.append(f"cut by {shown(best.delimiter)}")
        if layout.rival is not None:
            found.append(f"though {shown(layout.rival)} may cut it too (--delimiter decides)")
    if spaced:
        found.append("spaces before quotes are left out")
    found += quoting.found
    if options.header is None and best.records:
        found += _doubts(best, {*required, *rules.named_columns}, whole=table.whole)
    names_all = f"--skip-rows {skipped + 1} --no-header"
    advice = f"{ADVICE}, or give {names_all}, which calls them column1, column2 and so on"
    return Start(best.delimiter, skipped, best.filled, tuple(found), advice, spaced, quoting)


def _doubts(best: Cut, named: set[str], *, whole: bool) -> Iterator[str]:
    """What a person should look at, since the first line may be data."""
    columns = {column_name(column) for column in best.header}
    line = shortened(", ".join(best.header))
    if named and named <= columns:
        return
    if whole and len(best.records) == 1:
        yield f"there is one line, {line!r}, which is taken for the header; if it is data, give --no-header"
    elif best.may_begin_with_data():
        yield f"the first line is taken for the header: {line!r}; if it is data, give --no-header"


def _check(name: str, best: Cut, likely: Cut, required: tuple[str, ...], named: Collection[str]) -> None:
    """Raise UnreadableInput if the first record seems to be no header, or to be cut wrongly."""
    header = [column_name(column) for column in best.header]
    missing = [column for column in required if column not in header]
    first_line = best.records[0][0] if best.records else 1
    if len(best.records) > 1 and _is_markdown(best.records[1][1], best.delimiter):
        raise UnreadableInput(source=name, reason="it is a table of Markdown; save it as CSV")
    if _is_drawn(best):
        reason = (
            "its columns are drawn with lines, to be looked at; export it as CSV (psql --csv, mysql --batch)"
        )
        raise UnreadableInput(source=name, reason=reason)
    wanted = {*required, *named}
    if not header or (wanted and wanted <= set(header)):
        return
    if missing and best.width == 1 and likely.width > 1 and likely.fitting >= _SHARE:
        cut_by = shown(best.delimiter)
        reason = (
            f"it has no column {missing[0]!r} when it is cut by {cut_by}; give --delimiter {_given(likely)}"
        )
        raise UnreadableInput(source=name, reason=reason)
    if best.width == 1 and missing and missing[0] in header[0].split():
        reason = (
            f"its columns seem to be cut by spaces: {shortened(header[0])!r}; give --delimiter space if it is one space"
            " each, else save it as CSV"
        )
        raise UnreadableInput(source=name, reason=reason)
    if above := best.above_header(required or tuple(named)):
        what = "a comment" if header[0].startswith("#") else "a title"
        reason = (
            f"line {first_line} seems to be {what}, and line {above + 1} the header; give --skip-rows {above},"
            " or --header if the first line is the header"
        )
        raise UnreadableInput(source=name, reason=reason)
    if best.begins_with_data() or (missing and _reads_like_data(best)):
        text = f"column{best.longest_column()}"
        line = shortened(", ".join(header))
        reason = (
            f"it seems to have no header: its first line is {line!r}; give --no-header, which calls its columns"
            f" column1, column2 and so on (the text seems to be {text}: --text-column {text}), or --header if that"
            " line is the header"
        )
        raise UnreadableInput(source=name, reason=reason)
    if not missing:
        return
    if best.width == 1 and not _ONE_NAME.fullmatch(header[0]):
        reason = (
            f"it has no column {missing[0]!r}, but only one, {shortened(header[0])!r}; name what cuts its columns with"
            " --delimiter, or give --no-header --text-column column1 if each line is a text"
        )
        raise UnreadableInput(source=name, reason=reason)


def _is_markdown(fields: list[str], delimiter: str) -> bool:
    """Whether the second line is the rule below a header."""
    return delimiter == "|" and all(_RULE.fullmatch(field.strip()) for field in fields) and any(fields)


def _is_drawn(one: Cut) -> bool:
    """Whether a line below the header, or above it, only draws the table."""
    lines = [one.delimiter.join(fields).strip() for _, fields in one.records[:_LINES_OF_TITLE]]
    return any(
        _DRAWN.fullmatch(line) and (not place or not _CORNERS.isdisjoint(line))
        for place, line in enumerate(lines)
    )


def _given(one: Cut) -> str:
    return "tab" if one.delimiter == "\t" else f"'{one.delimiter}'"


def _reads_like_data(one: Cut) -> bool:
    """Whether a header without the required columns has a field that is a number or a sentence."""
    return any(
        field.strip().replace(".", "").isdecimal() or len(field) > _SEEN_CHARS or field.count(" ") >= _SPACES
        for field in one.header
    )
