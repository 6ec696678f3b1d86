"""Read hostile files and mutated ones beside good files: `python -m tests.hostile --mutations 200`.

A hostile file as it is gets the limits that reading has by default; its mutations get smaller ones, so that those that
take all they may end soon. A line is printed for each file as it ends; `--files` reads some alone, or the rest after a
stop. Ends with exit code 1 when a good file does not come through, a hostile one takes too much, or a file that is one
document does not give one row.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from tests.hostile.cases import CASES
from tests.hostile.tally import MIB, Bounds, Tally, read

WHOLE = Bounds(60.0, 1024 * MIB)
"""The limits for a hostile file as it is: the settings' defaults."""


def main() -> int:
    """Read every file as it is, and its mutations. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--mutations", type=int, default=200, help="mutated files for each hostile one")
    parser.add_argument("--seconds", type=float, default=2.0, help="the limit of time for a mutated file")
    parser.add_argument("--mebibytes", type=int, default=384, help="the limit of memory for a mutated file")
    parser.add_argument("--processes", type=int, default=2, help="how many read at once")
    parser.add_argument("--files", type=_names, default=list(CASES), help="hostile files: NAME,NAME")
    options = parser.parse_args()
    bounds, whole = Bounds(options.seconds, options.mebibytes * MIB), Tally()
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        work = {pool.submit(read, name, options.mutations, WHOLE, bounds): name for name in options.files}
        for place, done in enumerate(as_completed(work), start=1):
            tally = done.result()
            sys.stdout.write(f"{place:2}/{len(work)} {work[done]:22} {tally}\n")
            sys.stdout.writelines(f"FAILED {failure}\n" for failure in tally.failures)
            sys.stdout.flush()
            whole.add(tally)
    sys.stdout.write(f"all files: {whole}\n")
    return int(bool(whole.failures))


def _names(value: str) -> list[str]:
    names = [name for name in value.split(",") if name] or list(CASES)
    if unknown := set(names) - set(CASES):
        raise argparse.ArgumentTypeError(f"no hostile file is called {', '.join(sorted(unknown))}")
    return names


if __name__ == "__main__":
    sys.exit(main())
