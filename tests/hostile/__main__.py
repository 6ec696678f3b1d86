"""Read hostile files and mutated ones beside good files: `python -m tests.hostile --mutations 200`.

Ends with exit code 1 when a good file does not come through, a hostile one takes too much, or a file that is one
document does not give one row.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.hostile.cases import CASES
from tests.hostile.tally import Tally, read

WHOLE_SECONDS = 60.0
"""The limit of time for a hostile file as it is: the setting's default."""
TOGETHER = 20
"""How many mutated files a process reads before another case has its turn."""


def main() -> int:
    """Read every file as it is, and its mutations. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--mutations", type=int, default=200, help="mutated files for each hostile one")
    parser.add_argument("--seconds", type=float, default=5.0, help="the limit of time for a mutated file")
    parser.add_argument("--processes", type=int, default=2, help="how many read at once")
    parser.add_argument("--only", nargs="*", default=list(CASES), help="names of hostile files")
    options = parser.parse_args()
    tallies = {name: Tally() for name in options.only}
    with ProcessPoolExecutor(options.processes, get_context("spawn")) as pool:
        work = [(name, pool.submit(read, name, [None], WHOLE_SECONDS)) for name in options.only]
        for name in options.only:
            for first in range(0, options.mutations, TOGETHER):
                numbers = range(first, min(first + TOGETHER, options.mutations))
                work.append((name, pool.submit(read, name, numbers, options.seconds)))
        for name, done in work:
            tallies[name].add(done.result())
            sys.stdout.write("".join(f"{line}\n" for line in done.result().lines))
            sys.stdout.flush()
    for name, tally in tallies.items():
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.kinds.items()))
        sys.stdout.write(f"{name:22} longest {tally.longest:5.1f} s, all {tally.seconds:6.0f} s: {kinds}\n")
        sys.stderr.write("".join(f"FAILED {failure}\n" for failure in tally.failures))
    return int(any(tally.failures for tally in tallies.values()))


if __name__ == "__main__":
    sys.exit(main())
