"""The header of a table, whatever its format: each column has its own name, and those asked for are there."""

from collections.abc import Sequence

from qwenq.producer.reading.rows import RowRules, named
from qwenq.schemas.errors import UnknownColumn, UnreadableInput

ADVICE = "give each column a name of its own"


def check_header(source: str, header: Sequence[str], rules: RowRules, advice: str = ADVICE) -> None:
    """Raise UnreadableInput for a name that is empty or stands twice, UnknownColumn for one that is lacking."""
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
    """Why a row whose fields are not as many as the header's is a bad one."""
    problem = "too few" if len(fields) < len(header) else "too many"
    return f"{problem} fields: {len(fields)}, where the header has {len(header)}"
