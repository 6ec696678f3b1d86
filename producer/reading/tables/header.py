"""Check the header of a table: each column has its own name, and the columns that the job needs are there."""

from collections.abc import Sequence

from qwenq.producer.reading.rules import RowRules, named
from qwenq.schemas.errors import UnknownColumn, UnreadableInput

ADVICE = "give each column a name of its own"


def check_header(source: str, header: Sequence[str], rules: RowRules, advice: str = ADVICE) -> None:
    """Raise UnreadableInput for an empty or repeated name, UnknownColumn for a missing column."""
    if any("\0" in column for column in header):
        raise UnreadableInput(source=source, reason="its header holds NUL bytes; save it as UTF-8")
    if "" in header:
        place = list(header).index("") + 1
        raise UnreadableInput(source=source, reason=f"its header gives column {place} no name; {advice}")
    twice = next((column for place, column in enumerate(header) if column in header[:place]), None)
    if twice is not None:
        raise UnreadableInput(source=source, reason=f"its header names the column {twice!r} twice; {advice}")
    for column in rules.required_columns:
        if column not in header:
            raise UnknownColumn(source=source, column=column, columns=named(list(header)))


def miscounted(fields: Sequence[str], header: Sequence[str]) -> str:
    """The reason of a bad row that has more or fewer fields than the header."""
    problem = "too few" if len(fields) < len(header) else "too many"
    return f"{problem} fields: {len(fields)}, where the header has {len(header)}"
