"""Reading: inputs become rows, one after the other, in memory that does not grow with them.

    names ─ inputs ─┬─ sources ─┬─ unpacking ─ lines ─┬─ jsonl ─────┬─ Document | BadRow
            finding │           │  gzip, zstd         └─ delimited ─┤
            remote  │           └─ parquet, spreadsheet ─ records ──┤
            files   └─ document_files ─ extracting ─ records ───────┘
                                                        rows: the rules of all

A file that is named and cannot be read is refused before the first row; whatever is wrong with a single row, or with a
single file of many that a folder or a pattern gives, is a BadRow, and reading goes on.
"""

from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.reader import Rows, read_rows

__all__ = ["Format", "Rows", "read_rows"]
