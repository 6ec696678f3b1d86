"""Reading: names become inputs, inputs become rows. Everything is streamed, so memory does not grow with the input.

    inputs ─┬─ sources ─┬─ lines ─┬─ jsonl ──────────────┬─ rows: Document | BadRow
            │  finding  │         └─ tables/delimited ───┤
            │  remote   └─ tables/confined ──────────────┤  rules: what each row must fulfil
            │                  ║   column_values         │
            └─ documents/files ║ ────────────────────────┘
                   ║           ║
                   reader_process: a child with limits, which holds no secrets
                   serving ─┬─ documents/pdf, word, web, plain: a file is one document
                            └─ tables/spreadsheet, parquet/rows

A named file that cannot be read is refused before the first row. A bad row does not end the reading, nor does a bad
file that was found in a folder or by a pattern: each becomes a BadRow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qwenq.producer.reading.formats import Format
    from qwenq.producer.reading.rows import Rows, read_rows
    from qwenq.producer.reading.sources.access import Access

__all__ = ["Access", "Format", "Rows", "read_rows"]


def __getattr__(name: str) -> object:
    """Import what is asked for: the reader process needs none of it, and starts often."""
    if name == "Format":
        from qwenq.producer.reading.formats import Format

        return Format
    if name == "Access":
        from qwenq.producer.reading.sources.access import Access

        return Access
    if name in __all__:
        from qwenq.producer.reading import rows

        return getattr(rows, name)
    raise AttributeError(name)
