"""Run a command and print its wall seconds, its CPU seconds and its peak memory, as JSON.

A child's peak memory begins with that of the process which starts it, so that process has to be a small one: this
file is run by its path, and imports nothing else of the project.
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
    """What a command took."""

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


def watch(command: Sequence[str], environment: Mapping[str, str]) -> Watched:
    """Run a command that must succeed, as a process of its own; what it says is dropped."""
    told = subprocess.run(
        [sys.executable, "-S", __file__, *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return Watched(**json.loads(told.stdout))


def main() -> int:
    """Run the command of the command line. Returns its exit code, with its last words when that is not 0."""
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
