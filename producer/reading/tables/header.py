"""Check the header of a table: each column has its own name, and the columns that the job needs are there."""

from collections.abc import Sequence

from qwenq.producer.reading.column_names import named, shortened
from qwenq.schemas.errors import UnknownColumn, UnreadableInput

MOST_COLUMNS = 16_384
"""The most columns of a table, as many as a sheet can have."""
ADVICE = "give each column a name of its own"


def with_leading_names(header: Sequence[str]) -> tuple[list[str], str]:
    """A header whose first columns have names, and a note of those that had none; "" if there is none.

    pandas and R write the numbers of rows so. Columns without a name between others stay so.
    """
    names = list(header)
    count = next((place for place, name in enumerate(names) if name), 0)
    given = [f"column{place}" for place in range(1, count + 1)]
    if not given or "" in names[count:] or not set(given).isdisjoint(names):
        return names, ""
    shown = given[0] if count == 1 else f"{given[0]} to {given[-1]}"
    what = (
        "its first column has no name, and is" if count == 1 else "its first columns have no names, and are"
    )
    return given + names[count:], f"{what} called {shown}"


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
