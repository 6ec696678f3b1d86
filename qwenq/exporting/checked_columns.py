"""Checks --keep-columns before any work: a name that no document has is a slip."""

from collections.abc import Iterator
from itertools import chain, islice

from qwenq.exporting.kept_columns import CHECKED_ROWS, check_kept
from qwenq.exporting.style import KeepColumns
from qwenq.producer.opening import PEEKED_ROWS
from qwenq.schemas.documents import Document, Row

MOST_CHARACTERS = 8 * 1024 * 1024


def with_kept_columns(rows: Iterator[Row], keep: KeepColumns) -> Iterator[Row]:
    """The same rows. Raises InvalidParameter if the first documents all lack one of the columns to keep."""
    if keep is None or keep == "all":
        return rows
    peeked: list[Row] = []
    documents: list[str] = []
    characters = 0
    for row in islice(rows, PEEKED_ROWS):
        peeked.append(row)
        if isinstance(row, Document):
            documents.append(row.content)
            characters += len(row.content)
        if len(documents) >= CHECKED_ROWS or characters >= MOST_CHARACTERS:
            break
    check_kept(keep, documents)
    return chain(peeked, rows)
