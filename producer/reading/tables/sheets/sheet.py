"""One sheet of a spreadsheet: its header, and its rows as texts."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree.ElementTree import iterparse

from qwenq.producer.reading.column_names import miscounted
from qwenq.producer.reading.shortage import raise_if_short
from qwenq.producer.reading.sources.unpacking import BLOCK_BYTES, BrokenOff
from qwenq.producer.reading.tables.first_line import is_surely_data
from qwenq.producer.reading.tables.header import with_leading_names
from qwenq.producer.reading.tables.pieces import bad_row, good_row
from qwenq.producer.reading.tables.sheets.cell_texts import NEVER_COMPUTED, CellTexts, fault
from qwenq.producer.reading.tables.sheets.merged_cells import MergedCells, merged_ranges
from qwenq.schemas.errors import UnreadableDocument, reason_of

if TYPE_CHECKING:
    from openpyxl import Workbook

MOST_ROWS = 1 << 20
"""The most rows that a sheet can have."""


_PEEKED_ROWS = 10
"""The rows below the first that show whether it is a title."""


class Record(NamedTuple):
    """A row in the XML: its number, the texts of its cells by column, from 1, and what is wrong with cells."""

    number: int
    cells: dict[int, str]
    faults: dict[int, str]
    is_hidden: bool = False


class Sheet:
    """The header of a sheet, its rows, and where and why they broke off."""

    def __init__(self, workbook: "Workbook", sheet: Any) -> None:
        """Read up to the header. Raises UnreadableDocument if that fails."""
        self.name: str = sheet.title
        self.broken: tuple[int, str] | None = None
        self.filled_rows = 0
        self._hidden_rows = 0
        self._faults: Counter[str] = Counter()
        self._records = _records(workbook, sheet)
        try:
            # Read-only mode ignores merged cells: the XML names them behind the rows.
            with workbook._archive.open(sheet._worksheet_path) as part:  # type: ignore[attr-defined] # noqa: SLF001
                self._merged = MergedCells(merged_ranges(iter(partial(part.read, BLOCK_BYTES), b"")))
            filled = (one for one in self._records if any(one.cells.values()))
            first = next(filled, Record(0, {}, {}))
        except (UnreadableDocument, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - damaged XML raises any kind of error
            raise_if_short()
            raise UnreadableDocument(reason=_why(error)) from None
        self._peeked = self._peek()
        cells = first.cells
        self._merged.fill(first.number, cells, None)
        self._width = _last(cells)
        self._merged.narrow(self._width)
        self._first = self._first_column(cells)
        named = [cells.get(column, "").strip() for column in range(self._first, self._width + 1)]
        self.header, self._unnamed = with_leading_names(named)

    @property
    def title(self) -> str:
        """The text of the first row if it is a single cell, and the rows below it have more; else empty."""
        widths = [_last(record.cells) for record in self._peeked]
        is_alone = self._width == self._first
        is_title = is_alone and sum(width > self._width for width in widths) > widths.count(self._width)
        return self.header[0] if is_title else ""

    @property
    def begins_with_data(self) -> bool:
        """Whether the first row is like those below it, in a way that names are not."""
        columns = range(self._first, self._width + 1)
        rows = [[one.cells.get(column, "") for column in columns] for one in self._peeked]
        return is_surely_data(self.header, rows)

    def _first_column(self, header: dict[int, str]) -> int:
        """The first column of the table: those before it are empty, as far as the first rows show."""
        rows = (header, *(record.cells for record in self._peeked))
        return min((column for cells in rows for column, text in cells.items() if text), default=1)

    def _peek(self) -> list[Record]:
        """The first records below the header. What breaks reading there is raised behind them."""
        peeked: list[Record] = []
        try:
            peeked.extend(islice(self._records, _PEEKED_ROWS))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - so does damaged XML
            self._records = _raising(error)
        return peeked

    def rows(self, order: Sequence[str] | None = None) -> Iterator[bytes | None]:
        """All rows below the header, with the columns in this order (default: the sheet's); None for a blank one."""
        columns = range(self._first, self._width + 1)
        if order is not None and list(order) != self.header:
            columns = [self.header.index(name) + self._first for name in order]  # type: ignore[assignment]
        number = 1
        try:
            for record in chain(self._peeked, self._records):
                number = record.number
                yield self._row(record, columns)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - so does damaged XML
            raise_if_short()
            self.broken = number + 1, _why(error)

    def notes(self) -> list[str]:
        """What a person should know about the rows that were read."""
        notes = [self._unnamed] if self._unnamed else []
        if self._hidden_rows:
            rows = "row is" if self._hidden_rows == 1 else "rows are"
            notes.append(f"{self._hidden_rows:,} {rows} hidden in the sheet, as by a filter, and read, too")
        if never := self._faults.pop(NEVER_COMPUTED, 0):
            cells = "cell holds a formula" if never == 1 else "cells hold formulas"
            notes.append(
                f"{never:,} {cells} without a value, read as empty; open the file in a spreadsheet program and save it"
            )
        if self._faults:
            kinds = ", ".join(sorted(what.rpartition(" ")[2] for what in self._faults))
            errors = self._faults.total()
            notes.append(
                f"{errors:,} {'cell shows an error' if errors == 1 else 'cells show errors'} ({kinds})"
            )
        return notes

    def _row(self, record: Record, columns: Sequence[int]) -> bytes | None:
        number, cells, faults, is_hidden = record
        if not cells and not faults:
            return None
        self._merged.fill(number, cells, self._width)
        last = _last(cells)
        faults = {column: what for column, what in faults.items() if column <= self._width}
        self._faults.update(faults.values())
        self.filled_rows += bool(last or faults)
        self._hidden_rows += is_hidden and bool(last)
        if self._first > 1 and any(text and column < self._first for column, text in cells.items()):
            return bad_row(number, "a cell stands to the left of the table's columns", cells.values())
        if last > self._width:
            return bad_row(number, miscounted(last, self._width), cells.values())
        if not last and not faults:
            return None
        told = (
            {place: faults[column] for place, column in enumerate(columns) if column in faults}
            if faults
            else None
        )
        return good_row(number, [cells.get(column, "") for column in columns], told)


def _last(cells: dict[int, str]) -> int:
    """The last column that is filled; 0 in a blank row."""
    return max((column for column, text in cells.items() if text), default=0)


def _raising(error: Exception) -> Iterator[Record]:
    raise error
    yield


def _records(workbook: Any, sheet: Any) -> Iterator[Record]:
    """Each row in the XML, blank ones too. Raises BrokenOff, and whatever damaged XML raises."""
    from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, WorkSheetParser

    texts = CellTexts(workbook)
    is_stale = bool(workbook.calculation and workbook.calculation.fullCalcOnLoad)
    with workbook._archive.open(sheet._worksheet_path) as part:  # noqa: SLF001
        # Formats are not given to the parser: numbers and dates are shown by our own.
        parser = WorkSheetParser(part, sheet._shared_strings, data_only=True, epoch=workbook.epoch)  # noqa: SLF001
        last = 0
        # Not openpyxl's, which is slow if defusedxml is installed: expat bounds entities, and this process its memory.
        for _, element in iterparse(part):  # noqa: S314
            if element.tag == DATA_TAG:
                return
            if element.tag != ROW_TAG:
                continue
            number, parsed = parser.parse_row(element)  # type: ignore[arg-type]
            cells: dict[int, str] = {}
            faults: dict[int, str] = {}
            for cell, xml in zip(parsed, element, strict=True):
                what = fault(cell, xml, FORMULA_TAG, is_stale=is_stale)
                if what:
                    faults[cell["column"]] = what
                if cell["value"] is not None and what != NEVER_COMPUTED:
                    cells[cell["column"]] = texts.shown(cell)
            is_hidden = element.get("hidden") in {"1", "true"}
            element.clear()
            parser.row_dimensions.clear()
            if number > MOST_ROWS:
                raise BrokenOff(f"a sheet has at most {MOST_ROWS:,} rows")
            # A number that does not grow is a damaged row.
            yield Record(number, cells, faults, is_hidden) if number > last else Record(number, {}, {})
            last = max(last, number)


def _why(error: Exception) -> str:
    return error.reason if isinstance(error, BrokenOff | UnreadableDocument) else reason_of(error)
