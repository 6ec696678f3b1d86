"""Read hostile files and mutated ones beside good files: `python -m tests.hostile --mutations 200`.

Ends with exit code 1 when a good file does not come through, or a hostile one takes too much.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from qwenq.producer.reading.reader_process import ReaderProcess
from tests.hostile.cases import CASES
from tests.hostile.checking import Inbox
from tests.hostile.mutated import mutated


def main() -> int:
    """Read every file as it is, then its mutations. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--mutations", type=int, default=200, help="mutated files for each hostile one")
    parser.add_argument("--seconds", type=float, default=10.0, help="the limit of time for a mutated file")
    parser.add_argument("--only", nargs="*", default=list(CASES), help="names of hostile files")
    options = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        inbox = Inbox(Path(folder))
        for name in options.only:
            content = CASES[name]()
            failed += _read(inbox, name, [content], 60.0)
            changes = (mutated(name, content, number) for number in range(options.mutations))
            failed += _read(inbox, name, changes, options.seconds)
    return int(failed > 0)


def _read(inbox: Inbox, name: str, contents: Iterable[bytes], seconds: float) -> int:
    os.environ["QWENQ_READ_SECONDS"] = str(seconds)
    failed, longest, kinds, began = 0, 0.0, Counter[str](), time.monotonic()
    outcome = None
    with ReaderProcess() as reader:
        for number, content in enumerate(contents):
            try:
                outcome = inbox.read(name, content, seconds, reader)
            except AssertionError as error:
                sys.stderr.write(f"FAILED {name}, mutation {number}: {error}\n")
                failed += 1
                continue
            longest = max(longest, outcome.seconds)
            kinds[
                "a bad row" if len(outcome.bad_rows) == 1 else "bad rows" if outcome.bad_rows else "read"
            ] += 1
    if kinds.total() == 1:
        sys.stdout.write(f"{name:22} {outcome}\n")
    elif kinds:
        took = time.monotonic() - began
        sys.stdout.write(
            f"{'':22} {kinds.total()} mutated: {dict(kinds)}, longest {longest:.1f} s, all {took:.0f} s\n"
        )
    sys.stdout.flush()
    return failed


if __name__ == "__main__":
    sys.exit(main())
