"""Check the header of a table: each column has its own name, and the columns that the job needs are there."""

from collections.abc import Sequence

from qwenq.producer.reading.column_names import named, shortened
from qwenq.schemas.errors import UnknownColumn, UnreadableInput

MOST_COLUMNS = 16_384
"""The most columns of a table, as many as a sheet can have."""
ADVICE = "give each column a name of its own"


def check_header(source: str, header: Sequence[str], required: Sequence[str], advice: str = ADVICE) -> None:
    """Raise UnreadableInput for too many columns, an empty or a repeated name; UnknownColumn for a missing one."""
    if len(header) > MOST_COLUMNS:
        reason = f"its header has {len(header):,} columns; the most is {MOST_COLUMNS:,}"
        raise UnreadableInput(source=source, reason=reason)
    if any("\0" in column for column in header):
        raise UnreadableInput(source=source, reason="its header holds NUL bytes; save it as UTF-8")
    if "" in header:
        place = list(header).index("") + 1
        raise UnreadableInput(source=source, reason=f"its header gives column {place} no name; {advice}")
    names: set[str] = set()
    for column in header:
        if column in names:
            reason = f"its header names the column {shortened(column)!r} twice; {advice}"
            raise UnreadableInput(source=source, reason=reason)
        names.add(column)
    for column in required:
        if column not in names:
            raise UnknownColumn(source=source, column=column, columns=named(list(header)))
