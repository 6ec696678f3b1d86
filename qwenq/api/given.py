"""What a program gives to be answered: names of files, or rows."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from qwenq.schemas.errors import InvalidParameter

if TYPE_CHECKING:
    from qwenq.actions.request import JobRequest


class Frame(Protocol):
    """A DataFrame of pandas or polars."""

    @property
    def columns(self) -> Any:
        """The names of its columns."""


Documents: TypeAlias = str | Path | Iterable[str | Path] | Iterable[Mapping[str, Any]] | Frame
"""A file, several files, rows (any iterable of mappings), or a DataFrame of pandas or polars."""
_OF_FILES = (
    "sheet", "delimiter", "encoding", "header", "skip_rows", "columns", "follow_links", "allow_partial",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    """The names of files; or `rows`, if they are not None."""

    files: list[str]
    rows: Any = None


def given(documents: Documents) -> Given:
    """Tell files from rows, by the first item. Raises InvalidParameter if it is neither, or missing."""
    from qwenq.producer.given_rows import ROWS_NAME, is_frame

    if isinstance(documents, (str, os.PathLike)):
        return Given([os.fspath(documents)])
    if is_frame(documents):
        return Given([ROWS_NAME], documents)
    if hasattr(documents, "to_frame"):
        reason = "a Series is neither files nor rows: give series.to_frame('text'), or list(series) if it holds files"
        raise InvalidParameter(name="documents", reason=reason)
    if isinstance(documents, (bytes, Mapping)) or not isinstance(documents, Iterable):
        raise _neither(documents)
    waiting: Iterator[Any] = iter(documents)
    first = next(waiting, None)
    if isinstance(first, Mapping):
        return Given([ROWS_NAME], chain((first,), waiting))
    if first is None:
        raise InvalidParameter(name="documents", reason="it is empty; give files, or rows as dicts")
    names = [first, *waiting]
    strange = next((one for one in names if not isinstance(one, (str, os.PathLike))), None)
    if strange is not None:
        raise _neither(strange)
    return Given([os.fspath(name) for name in names])


def check_options(request: "JobRequest") -> None:
    """Raise InvalidParameter for an option of files that was given with rows."""
    defaults = request.__dataclass_fields__
    for name in _OF_FILES:
        if getattr(request, name) != defaults[name].default:
            raise InvalidParameter(name=name, reason="it says how files are read, and rows were given")


def _neither(found: object) -> InvalidParameter:
    reason = (
        f"{type(found).__name__} is neither a file nor rows: give names of files, an iterable of dicts such as "
        "[{'id': 1, 'text': 'Hello'}], or a DataFrame of pandas or polars"
    )
    return InvalidParameter(name="documents", reason=reason)
