"""Read every file of a folder of foreign files: `python -m tests.sweep FOLDER`. Prints a line for each file.

Each file is read as a job would read it, with all its rows: crash, seconds, peak memory, what it says, and with
`--show` the beginning of its first document. Ends with exit code 1 when a file crashed or exceeded a limit.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from qwenq.producer.reading import Format
from qwenq.producer.reading.formats import known_format
from tests.sweep.reading import Outcome, read

_MIB = 1 << 20


def main() -> int:
    """Read the files one after the other. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--endings", nargs="*", default=[], help="only files with these endings, such as .csv"
    )
    parser.add_argument("--format", type=Format, help="read every file as this format")
    parser.add_argument("--seconds", type=float, default=30.0, help="the most that a file may take")
    parser.add_argument("--mib", type=int, default=500, help="the most memory that a file may take")
    parser.add_argument(
        "--show", type=int, default=0, help="how many characters of the first document to print"
    )
    options = parser.parse_args()
    paths = _paths(options.folder, options.endings, options.format)
    kinds: Counter[str] = Counter()
    failures = []
    for path, outcome in _outcomes(paths, options.format, options.show):
        name = path.relative_to(options.folder) if path != options.folder else path.name
        sys.stdout.write(_line(f"{outcome}  {name}  {outcome.says}"))
        if outcome.shown:
            sys.stdout.write(_line(f"        {outcome.shown}"))
        sys.stdout.flush()
        kinds[outcome.kind] += 1
        is_over = outcome.seconds > options.seconds or outcome.peak_bytes > options.mib * _MIB
        if is_over or outcome.kind == "CRASHED":
            failures.append(f"{outcome}  {name}")
    counted = ", ".join(f"{kind} {count:,}" for kind, count in sorted(kinds.items()))
    sys.stdout.write(f"{sum(kinds.values()):,} files: {counted}; {len(failures):,} failed\n")
    sys.stdout.write("".join(_line(f"FAILED {failure}") for failure in failures))
    return int(bool(failures))


def _paths(folder: Path, endings: list[str], given: Format | None) -> list[Path]:
    found = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    if endings:
        return [path for path in found if path.name.lower().endswith(tuple(endings))]
    return [path for path in found if given or known_format(path.name)]


def _outcomes(paths: list[Path], given: Format | None, shown: int) -> Iterator[tuple[Path, Outcome]]:
    """Each file is read in another process, since it may crash."""
    context = get_context("spawn")
    left = list(reversed(paths))
    while left:
        with ProcessPoolExecutor(1, context) as pool:
            try:
                while left:
                    yield left[-1], pool.submit(read, left[-1], given, shown).result()
                    left.pop()
            except BrokenProcessPool:
                yield left.pop(), Outcome("CRASHED", 0.0, 0, says="the process that read it died")


def _line(text: str) -> str:
    """Foreign text may hold control characters and halves of surrogate pairs."""
    return text.encode("unicode_escape").decode()[:2_000] + "\n"


if __name__ == "__main__":
    sys.exit(main())
