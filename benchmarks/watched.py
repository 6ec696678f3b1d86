"""Run a command and print its wall seconds, its CPU seconds and its peak memory, as JSON.

A child's peak memory starts at that of its parent, so the parent must be small: this file is run by its path and
imports nothing else from the project.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Watched:
    """The cost of a command."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def watch(command: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """Run a command, which must succeed, as a process. Drops its output."""
    done = subprocess.run(
        [sys.executable, "-S", __file__, *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return Watched(**json.loads(done.stdout))


def main() -> int:
    """Run the command of the command line. Returns its exit code; prints its errors if that is not 0."""
    import resource

    started = time.perf_counter()
    process = subprocess.run(sys.argv[1:], capture_output=True, check=False, text=True)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # macOS counts bytes, Linux KiB.
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    print(json.dumps({"wall_seconds": wall, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": peak}))
    if process.returncode:
        sys.stderr.write(process.stderr)
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
