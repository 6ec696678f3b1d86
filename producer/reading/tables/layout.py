"""Find out how a text table is laid out from its beginning: the delimiter, and where the header is.

Each delimiter cuts the first records; the one fits under which most records have as many fields as the header. The csv
module's own Sniffer is not used: it looks at single characters, also within quotes, and finds delimiters such as "e".
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qwenq.producer.reading.column_names import column_name
from qwenq.producer.reading.tables.first_line import is_number, is_surely_data, may_be_data
from qwenq.producer.reading.tables.quoting import USUAL, Quoting

DELIMITERS = (",", ";", "\t", "|")
NAMES = {"\t": "tab", " ": "a space"}
_MOST_RECORDS = 500
_SEP_LINE = re.compile(r'^\ufeff?"?sep=(.)"?[,;\t|]*\r?$', re.IGNORECASE)
_FITTING = 0.8
_FITTING_BELOW_COMMENT = 0.4
_SIMILAR = 0.05

Record = tuple[int, list[str]]
"""A record with the number of its first line, from 1."""


def sep_line(line: str) -> str | None:
    """The delimiter in Excel's first line `sep=;`; None for another line."""
    found = _SEP_LINE.match(line)
    return found[1] if found else None


def shown(delimiter: str) -> str:
    """A delimiter, to show and to give as an option."""
    return NAMES.get(delimiter, f"'{delimiter}'")


@dataclass(frozen=True, slots=True)
class Cut:
    """The first records, as one delimiter cuts them. The first of them may be the header."""

    delimiter: str
    records: Sequence[Record]

    @property
    def header(self) -> list[str]:
        """The first record."""
        return self.records[0][1] if self.records else []

    @property
    def width(self) -> int:
        """The fields of the first record."""
        return len(self.header)

    @property
    def fitting(self) -> float:
        """The share of the other records that have as many fields as the first."""
        rest = self.records[1:]
        return sum(_fits(fields, self.width) for _, fields in rest) / len(rest) if rest else 1.0

    @property
    def filled(self) -> int:
        """The columns up to the last that is filled in a record."""
        return max((_filled(fields) for _, fields in self.records), default=0)

    def above_header(self, required: Sequence[str]) -> int:
        """The lines above the one that seems to be the header; 0 if the first record seems to be it.

        A title fills one field, or its line lacks the required columns that a later one has.
        """
        widths = Counter(len(fields) for _, fields in self.records[1:] if len(fields) > 1)
        if not widths:
            return 0
        width = widths.most_common(1)[0][0]
        below = [
            place
            for place, (_, fields) in enumerate(self.records)
            if len(fields) == width and _filled(fields) > 1
        ]
        named = [place for place in below if self._is_below_titles(place, width, required)]
        place = min(named or below, default=0)
        behind = self.records[place + 1 :]
        is_comment = self.header[0].startswith("#")
        least = (_FITTING_BELOW_COMMENT if is_comment else _FITTING) * len(behind)
        if not place or sum(_fits(fields, width) for _, fields in behind) < least:
            return 0
        is_header = self._names(place, required) or all(
            _filled(title) <= 1 for _, title in self.records[:place]
        )
        return self.records[place][0] - 1 if is_header else 0

    def _is_below_titles(self, place: int, width: int, required: Sequence[str]) -> bool:
        """Whether a record names the required columns, and those above it fill fewer fields."""
        above = self.records[:place]
        return self._names(place, required) and all(_filled(title) < width for _, title in above)

    def _names(self, place: int, required: Sequence[str]) -> bool:
        return bool(required) and set(required) <= {column_name(name) for name in self.records[place][1]}

    def begins_with_data(self) -> bool:
        """Whether the first record seems to be no header: it is like the others, in a way that names are not."""
        rest = self._rest()
        if not rest:
            return False
        if is_surely_data(self.header, rest):
            return True
        if self.width < 2 or all(map(is_number, self.header)):  # noqa: PLR2004 - numbers alone may be names
            return False
        return is_number(self.header[0]) and all(is_number(fields[0]) for fields in rest)

    def may_begin_with_data(self) -> bool:
        """Whether the first record may be data, though it could be a header."""
        return may_be_data(self.header, self._rest())

    def _rest(self) -> list[list[str]]:
        return [fields for _, fields in self.records[1:] if len(fields) == self.width]

    def has_spaced_quotes(self) -> bool:
        """Whether most records have a quote behind spaces, which are no part of the field then."""
        spaced = sum(
            any(field[:1] == " " and field.lstrip(" ")[:1] == '"' for field in fields)
            for _, fields in self.records
        )
        return spaced > 0 and spaced * 2 >= len(self.records)

    def longest_column(self) -> int:
        """The number of the column with the most text beside numbers and dates, from 1."""
        lengths = [0] * max(self.width, 1)
        for _, fields in self.records:
            for place, field in enumerate(fields[: len(lengths)]):
                lengths[place] += 0 if is_number(field) else len(field)
        return lengths.index(max(lengths)) + 1


@dataclass(frozen=True, slots=True)
class Layout:
    """The cut that fits best; `rival` fits as well."""

    cut: Cut
    rival: str | None = None


def find_layout(text: str, first_line: int, usual: str, required: Sequence[str], *, whole: bool) -> Layout:
    """Find the cut of a table's beginning, which starts with line `first_line`.

    `usual` is the delimiter that the file's name promises, `required` are columns that the header must have. Unless
    the text is `whole`, its last record may be cut off.
    """
    order = (usual, *(one for one in DELIMITERS if one != usual))
    cuts = [cut(text, first_line, delimiter, whole=whole) for delimiter in order]
    with_all = [
        one for one in cuts if required and set(required) <= {column_name(name) for name in one.header}
    ]
    if with_all and with_all[0].delimiter == usual and with_all[0].width > 1:
        return Layout(with_all[0])
    with_all = [one for one in with_all if one.width > 1] or ([] if _splits(cuts) else with_all)
    tables = [one for one in with_all or cuts if one.width > 1]
    if tables:
        best = max(tables, key=lambda one: one.fitting)
        rivals = [one for one in tables if one is not best and one.fitting > best.fitting - _SIMILAR]
        return Layout(best, rivals[0].delimiter if rivals and best.delimiter != usual else None)
    if with_all:
        # A table of one column: what cuts its texts is no delimiter.
        return Layout(max(with_all, key=lambda one: one.fitting))
    # Titles have one field: look at what stands below them.
    titled = [one for one in cuts if one.above_header(required)]
    return Layout(max(titled, key=_fields_of_last) if titled else cuts[0])


def cut(
    text: str,
    first_line: int,
    delimiter: str,
    *,
    whole: bool,
    spaced: bool = False,
    quoting: Quoting = USUAL,
) -> Cut:
    """Cut a table's beginning into records, with spaces before fields if `spaced`. Blank lines are left out."""
    counted = _Counted(text.split("\n"))
    reader = quoting.records(counted, delimiter=delimiter, skipinitialspace=spaced)
    records: list[Record] = []
    begin = 0
    try:
        for fields in reader:
            if any(map(str.strip, fields)) or len(fields) > 1:
                records.append((first_line + begin, fields))
            begin = counted.number
            if len(records) >= _MOST_RECORDS:
                return Cut(delimiter, records)
    except csv.Error:
        pass
    return Cut(delimiter, records if whole or len(records) < 2 else records[:-1])  # noqa: PLR2004


def _splits(cuts: Sequence[Cut]) -> bool:
    """Whether a delimiter cuts the header and the rows alike, so that no column has the whole header as its name."""
    return any(one.width > 1 and one.fitting >= _FITTING for one in cuts)


class _Counted:
    """Lines that are counted as they are taken."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.number += 1
            yield line.rstrip("\r") + "\n"


def _fits(fields: Sequence[str], width: int) -> bool:
    return len(fields) == width or (len(fields) > width and not any(fields[width:]))


def _filled(fields: Sequence[str]) -> int:
    """The number of fields up to the last that is filled."""
    return max((place for place, field in enumerate(fields, start=1) if field.strip()), default=0)


def _fields_of_last(one: Cut) -> int:
    return len(one.records[-1][1])
