"""Reading: names become inputs, inputs become rows. Everything is streamed, so memory does not grow with the input.

    inputs ─┬─ sources ─┬─ lines ─┬─ jsonl ──────────────┬─ rows: Document | BadRow
            │  finding  │         └─ tables/delimited ───┤
            │  remote   └─ tables/parquet, spreadsheet ──┤  rules: what each row must fulfil
            │                    column_values           │
            └─ documents: a file is one document ────────┘

A named file that cannot be read is refused before the first row. A bad row does not end the reading, nor does a bad
file that was found in a folder or by a pattern: each becomes a BadRow.
"""

from qwenq.producer.reading.formats import Format
from qwenq.producer.reading.rows import Rows, read_rows
from qwenq.producer.reading.sources.access import Access

__all__ = ["Access", "Format", "Rows", "read_rows"]
