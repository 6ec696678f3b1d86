"""A row of the input: a document that can be answered, or a bad row with its reason."""

from collections.abc import Sequence
from typing import NamedTuple, Self

from qwenq.schemas.errors import InvalidRow

RAW_CHARS = 2_000
"""Characters that are kept of a bad row."""

ID_COLUMNS = ("id", "custom_id", "_id", "ID", "Id", "customId", "CUSTOM_ID")
"""The columns that may hold a document's id, unless another is named: the first that is filled counts."""


class Document(NamedTuple):
    """A good row. `content` is the row as a JSON object, `line` where it starts in its source, from 1.

    `custom_id` is unique in its job; `source` is the file's place in the job's list of files.
    """

    custom_id: str
    source: int
    line: int
    content: str


class BadRow(NamedTuple):
    """A row that cannot become a document: its place, its shortened text, a plain reason, and a code for programs.

    `custom_id` is the id that it shows; it need not be unique.
    """

    source: int
    line: int
    raw: str
    reason: str
    code: str = InvalidRow.code
    custom_id: str | None = None

    @classmethod
    def from_raw(
        cls,
        source: int,
        line: int,
        raw: bytes,
        reason: str,
        code: str = InvalidRow.code,
        custom_id: str | None = None,
    ) -> Self:
        """Shorten the raw row, and make it and the reason text that every store accepts."""
        return cls(source, line, _shortened(raw), reason.replace("\0", "\\x00"), code, custom_id)


Row = Document | BadRow


def _shortened(raw: bytes) -> str:
    beginning = raw[: 4 * RAW_CHARS].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    if len(beginning) > RAW_CHARS or len(raw) > 4 * RAW_CHARS:
        return beginning[:RAW_CHARS] + "…"
    return beginning


def repeated_id(custom_id: str, line: int, first_use: tuple[int, int], sources: Sequence[str]) -> str:
    """Why a row is bad whose id was used before: first in that source (its index), on that line."""
    reason = f"{repeats(custom_id)}, on {place_of(*first_use, sources)}; ids must be unique in a job"
    if custom_id.rpartition(":")[2] in {str(line), str(first_use[1])}:
        reason += ", and a row without one goes by its line: give all rows an id, or none"
    return reason


def repeats(custom_id: str) -> str:
    """How the reason of every row begins that repeats this id."""
    return f"the id {custom_id!r} was used before"


def place_of(source: int, line: int, sources: Sequence[str]) -> str:
    """Where a row is, to show: its line, and the name of its source if there are several."""
    return f"line {line}" if len(sources) == 1 else f"line {line} of {sources[source]}"
