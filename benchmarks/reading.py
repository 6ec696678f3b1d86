"""Measure the cost of reading files in a process that can be killed: small text, PDF and Word files, JSONL and CSV.

The same files are read with the reader process, and with the same code in this process. Both alternate; the bars are
for the median of the ratios within a round. JSONL and CSV never reach the reader process: their ratio is between two
equal readings, and so shows the noise.

    python -m benchmarks.reading [--files 10000] [--rows 200000] [--rounds 5] [--json]
"""

import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import BinaryIO, cast

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.workload import write_documents
from qwenq.producer.reading import read_rows
from qwenq.producer.reading.reader_process import ReaderProcess
from qwenq.producer.reading.serving import serve
from qwenq.schemas.confined.process import ConfinedProcess
from qwenq.schemas.documents import Document
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from tests.made_files import docx_of, pdf_of

RATIO_BAR = 1.1
WORDS = "The supplier delivers the goods within ten days after the order, free of charge. "


class _Here:
    """Serves in this process, as if there were no reader process."""

    is_fresh = True

    def begin(self, request: bytes, file: BinaryIO | None = None, **_limits: float) -> Iterator[bytes]:
        """Extract now, as a reader without a second process does."""
        return iter(list(serve(request) if file is None else serve(request, file)))


class ReaderHere(ReaderProcess):
    """Reads foreign files in this process."""

    def taken(self) -> ConfinedProcess:
        """Take this process."""
        return cast("ConfinedProcess", _Here())


def seconds_of(path: Path, reader: ReaderProcess | None, expected: int) -> tuple[float, float]:
    """Read a file or a folder. Returns the seconds by the wall clock, and those of processors."""
    began, used = time.perf_counter(), _processor_seconds()
    rows = read_rows([str(path)], None, PromptSpec(), GenerationParams(), reader=reader)
    count = sum(isinstance(row, Document) for row in rows)
    seconds = time.perf_counter() - began, _processor_seconds() - used
    if count != expected:
        raise SystemExit(f"{path}: {count} documents of {expected}")
    return seconds


def _processor_seconds() -> float:
    """Processor time of this process and of those that it waited for."""
    return sum(os.times()[:4])


def write_files(folder: Path, files: int) -> None:
    """Write equal numbers of text, PDF and Word files."""
    folder.mkdir()
    makers = {"txt": WORDS.encode() * 20, "pdf": pdf_of(WORDS * 20), "docx": docx_of(*[WORDS * 4] * 5)}
    for number in range(files):
        ending = list(makers)[number % len(makers)]
        (folder / f"{number:06}.{ending}").write_bytes(makers[ending])


def compare(report: Report, what: str, path: Path, count: int, rounds: int) -> tuple[float, float]:
    """Read in this process and with a reader process, alternately. Returns the medians of the ratios."""
    here, confined = list[tuple[float, float]](), list[tuple[float, float]]()
    for number in range(rounds):
        order = [(here, True), (confined, False)]
        for times, is_here in order if number % 2 else order[::-1]:
            times.append(seconds_of(path, ReaderHere() if is_here else None, count))
    for kind, place in (("wall clock", 0), ("processors", 1)):
        report.add(f"{what}, in this process, {kind}", median(times[place] for times in here), "s")
        report.add(f"{what}, in a reader process, {kind}", median(times[place] for times in confined), "s")
    wall, used = (
        median(new[place] / old[place] for new, old in zip(confined, here, strict=True)) for place in (0, 1)
    )
    return wall, used


def main() -> int:
    """Measure and print. Returns the exit code: 1 if a bar is missed."""
    options = parser(__doc__ or "")
    options.add_argument("--files", type=int, default=10_000)
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--rounds", type=int, default=5)
    chosen = options.parse_args()
    report = Report("Reading", conditions(files=chosen.files, rows=chosen.rows, rounds=chosen.rounds))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder / "files", chosen.files)
        write_documents(folder / "rows.jsonl", chosen.rows)
        table = io.StringIO()
        table.write("id,text\n")
        table.writelines(f'{number},"{WORDS}"\n' for number in range(chosen.rows))
        (folder / "rows.csv").write_text(table.getvalue())
        for what, path, count in (
            (f"{chosen.files:,} files", folder / "files", chosen.files),
            ("JSONL", folder / "rows.jsonl", chosen.rows),
            ("CSV", folder / "rows.csv", chosen.rows),
        ):
            ratios = compare(report, what, path, count, chosen.rounds)
            for kind, ratio in zip(("time", "processor time"), ratios, strict=True):
                label = f"{what}: {kind} with a reader process over {kind} without"
                report.bars.append(Bar(label, ratio, at_most=RATIO_BAR))
    return tell(report, as_json=chosen.json)


if __name__ == "__main__":
    sys.exit(main())
