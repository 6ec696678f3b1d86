"""Reading: inputs become rows, one after the other, in memory that does not grow with them.

    names ─ sources ─ unpacking ─ lines ─┬─ jsonl ─────┬─ Document | RowError
            open      gzip, zstd         └─ delimited ─┘
                                            rows: the rules of both

An input that cannot be read at all is refused before the first row; whatever is wrong with a single row
is a RowError, and reading goes on.
"""

from producer.reading.formats import Format
from producer.reading.reader import read_rows

__all__ = ["Format", "read_rows"]
