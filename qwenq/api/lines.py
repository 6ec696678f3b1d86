"""Answers and errors as a program gets them: typed objects, plain rows, or a DataFrame."""

import importlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from pydantic import BaseModel

from qwenq.schemas.errors import MissingPackage
from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.results import ErrorLine, Result

if TYPE_CHECKING:  # a command that only shows a status writes no files
    from qwenq.exporting.sheets import Sheet

Line = TypeVar("Line", bound=BaseModel)


class Lines(Iterator[Line], Generic[Line]):
    """The lines of a job, streamed in input order, to be iterated once: as objects, as rows, or as a DataFrame."""

    def __init__(self, lines: Iterable[Line], sheet: "Sheet[Line]") -> None:
        self._lines = iter(lines)
        self._sheet = sheet

    def __next__(self) -> Line:
        return next(self._lines)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rest as plain dicts, with the columns of the CSV file: the fields of a JSON schema are columns, too."""
        return (_as_row(line, self._sheet) for line in self._lines)

    def to_pandas(self) -> Any:
        """The rest as a pandas DataFrame. Raises MissingPackage without pandas."""
        return _data_frame(self.rows(), self._sheet.columns)


class Answers(Sequence[Result]):
    """What `run` gives: the answers in input order. `status` says how the job ended, `errors` what has no answer."""

    def __init__(
        self,
        status: JobStatus,
        results: Sequence[Result],
        errors: Sequence[ErrorLine],
        sheet: "Sheet[Result]",
    ) -> None:
        self.status = status
        self.errors = errors
        self._results = results
        self._sheet = sheet

    @overload
    def __getitem__(self, place: int) -> Result: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Result]: ...

    def __getitem__(self, place: int | slice) -> Result | Sequence[Result]:
        return self._results[place]

    def __len__(self) -> int:
        return len(self._results)

    def __repr__(self) -> str:
        return f"<answers: {len(self)}, errors: {len(self.errors)}, job {self.status.state}>"

    def rows(self) -> list[dict[str, Any]]:
        """The answers as plain dicts, with the columns of the CSV file; the fields of a JSON schema are columns."""
        return [_as_row(line, self._sheet) for line in self._results]

    def to_pandas(self) -> Any:
        """The answers as a pandas DataFrame. Raises MissingPackage without pandas."""
        return _data_frame(self.rows(), self._sheet.columns)


def _as_row(line: Line, sheet: "Sheet[Line]") -> dict[str, Any]:
    values = zip(sheet.columns, sheet.row_of(line), strict=True)
    if sheet.members_of is None:
        return dict(values)
    return dict([next(values), *sheet.members_of(line).items(), *values])


def _data_frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Any:
    try:
        pandas: Any = importlib.import_module("pandas")
    except ImportError:
        raise MissingPackage(what="to_pandas", package="pandas") from None
    found = list(rows)
    return pandas.DataFrame(found) if found else pandas.DataFrame(columns=list(columns))
