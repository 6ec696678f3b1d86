"""Answers, errors, history and parts as tables: column names, their types, and a row for each line."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from qwenq.schemas.json_schema.answer_columns import ColumnKind, answer_columns, column_values
from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import ErrorLine, HistoryLine, Result

_TEXT, _COUNT, _YES_NO = ColumnKind.STRING, ColumnKind.INTEGER, ColumnKind.BOOLEAN
_RESULT_KINDS = {
    "custom_id": _TEXT,
    "text": _TEXT,
    "reasoning": _TEXT,
    "finish_reason": _TEXT,
    "prompt_tokens": _COUNT,
    "completion_tokens": _COUNT,
    "reasoning_tokens": _COUNT,
    "prefix_tokens": _COUNT,
    "model": _TEXT,
    "reused": _YES_NO,
    "parts": _COUNT,
}
_ERROR_KINDS = {"custom_id": _TEXT, "line": _COUNT, "code": _TEXT, "message": _TEXT, "attempts": _COUNT}
_HISTORY_KINDS = {
    "custom_id": _TEXT, "line": _COUNT, "round": _COUNT, "code": _TEXT, "message": _TEXT, "failed_at": _TEXT,
}  # fmt: skip
_PART_KINDS = {
    "custom_id": _TEXT, "level": _COUNT, "part": _COUNT, "first_char": _COUNT, "last_char": _COUNT, "text": _TEXT,
    "finish_reason": _TEXT, "prompt_tokens": _COUNT, "completion_tokens": _COUNT, "reasoning_tokens": _COUNT,
    "prefix_tokens": _COUNT,
}  # fmt: skip

Line = TypeVar("Line", bound=BaseModel)
OwnLine = TypeVar("OwnLine", Result, ErrorLine)
"""A line that may carry its document's row."""


@dataclass(frozen=True)
class Sheet(Generic[Line]):
    """Lines of one kind as a table. `row_of` returns a line's values in the order of the columns.

    `only_json` names members that lines have in JSON alone. `members_of` returns further members of a line in JSON.
    """

    kinds: dict[str, ColumnKind]
    row_of: Callable[[Line], tuple[Any, ...]]
    only_json: tuple[str, ...] = ()
    members_of: Callable[[Line], dict[str, Any]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(self.kinds)

    @property
    def taken(self) -> frozenset[str]:
        """The names that the lines need themselves, in any format."""
        return frozenset((*self.kinds, *self.only_json))


def results_sheet(schema_text: str | None) -> Sheet[Result]:
    """Make the table of answers; top-level properties of the job's JSON schema are its last columns."""
    found = answer_columns(schema_text, RESULTS.columns)
    if not found:
        return RESULTS
    kinds = _RESULT_KINDS | {column.name: column.kind for column in found}
    return replace(
        RESULTS,
        kinds=kinds,
        row_of=lambda result: (*_result_row(result), *column_values(found, result.text)),
    )


def _result_row(result: Result) -> tuple[Any, ...]:
    usage = result.usage
    return (
        result.custom_id, result.text, result.reasoning, result.finish_reason.value,
        usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.prefix_tokens, result.model,
        result.reused, result.parts,
    )  # fmt: skip


def _error_row(error: ErrorLine) -> tuple[Any, ...]:
    return error.custom_id, error.line, error.error.code, error.error.message, error.attempts


def _history_row(line: HistoryLine) -> tuple[Any, ...]:
    return (
        line.custom_id, line.line, line.round, line.error.code, line.error.message, line.failed_at.isoformat(),
    )  # fmt: skip


def _part_row(line: PartLine) -> tuple[Any, ...]:
    usage = line.usage
    return (
        line.custom_id, line.level, line.part, line.first_char, line.last_char, line.text, line.finish_reason.value,
        usage.prompt_tokens, usage.completion_tokens, usage.reasoning_tokens, usage.prefix_tokens,
    )  # fmt: skip


RESULTS = Sheet(_RESULT_KINDS, _result_row, only_json=("usage",))
"""The table of answers of a job without a schema."""
ERRORS = Sheet(_ERROR_KINDS, _error_row, only_json=("error", "earlier"))
HISTORY = Sheet(_HISTORY_KINDS, _history_row)
PARTS = Sheet(_PART_KINDS, _part_row)
RESULT_COLUMNS = RESULTS.columns
ERROR_COLUMNS = ERRORS.columns
HISTORY_COLUMNS = HISTORY.columns
