"""Read a hostile file beside good ones: all good ones come through, soon, and this process takes little memory."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from qwenq.producer.reading import read_rows
from qwenq.producer.reading.formats import known_format
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.schemas.documents import BadRow, Row
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import docx_of, pdf_of, xlsx_of

PATIENCE_SECONDS = 30.0
"""What a busy machine may add to the limit of time."""
MOST_MEMORY = 700 << 20
"""The most that reading a hostile file may add to the memory of the process that asks for it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a hostile file: its rows that are good, those that are bad, and how long it took."""

    documents: int
    bad_rows: Sequence[BadRow]
    seconds: float
    grown_bytes: int

    def __str__(self) -> str:
        reason = self.bad_rows[0].reason if self.bad_rows else ""
        took = f"{self.seconds:6.1f} s, {self.grown_bytes >> 20:4,} MiB"
        return f"{took}, {self.documents:6,} documents, {len(self.bad_rows):6,} bad rows  {reason}"


class Inbox:
    """A folder with good files of each kind, and a hostile one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for place in ("a", "z"):
            (folder / f"{place}.jsonl").write_bytes(b'{"text": "good"}\n')
            (folder / f"{place}.txt").write_bytes(b"good")
            (folder / f"{place}.pdf").write_bytes(pdf_of("good"))
            (folder / f"{place}.docx").write_bytes(docx_of("good"))
            (folder / f"{place}.xlsx").write_bytes(xlsx_of([("text",), ("good",)]))
        self._good = len(list(folder.iterdir()))

    def read(self, name: str, content: bytes, seconds: float, reader: ReaderProcess | None = None) -> Outcome:
        """Read the folder with a file in it. Raises AssertionError if others suffer from it."""
        path = self._folder / f"m-{name}"
        path.write_bytes(content)
        before, began = psutil.Process().memory_info().rss, time.monotonic()
        good = documents = most = 0
        bad: list[BadRow] = []
        try:
            for row in self._rows(reader):
                most = max(most, psutil.Process().memory_info().rss)
                if isinstance(row, BadRow):
                    bad.append(row)
                elif b"m-" in row.custom_id.encode("utf-8", "replace"):
                    documents += 1
                else:
                    good += 1
        finally:
            path.unlink()
        took = time.monotonic() - began
        assert good == self._good, f"{name}: {good} of {self._good} good files came through"
        kind = known_format(name)
        if kind and kind.is_document:
            assert documents + len(bad) == 1, (
                f"{name}: one document gave {documents} rows and {len(bad)} bad ones"
            )
        assert took < seconds + PATIENCE_SECONDS, f"{name}: it took {took:.0f} s"
        assert most - before < MOST_MEMORY, f"{name}: it took {(most - before) >> 20} MiB"
        return Outcome(documents, bad, took, max(most - before, 0))

    def _rows(self, reader: ReaderProcess | None) -> Iterator[Row]:
        yield from read_rows([str(self._folder)], None, PromptSpec(), GenerationParams(), reader=reader)
