"""Run a command and print its wall seconds, its CPU seconds, its peak memory and its exit code, as JSON.

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
    """Run a command that must succeed, as a process of its own; its output is dropped."""
    told = subprocess.run(
        [sys.executable, "-S", __file__, *command],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=False,
        text=True,
    )
    found = json.loads(told.stdout)
    if found.pop("exit_code"):
        raise SystemExit(f"it failed: {' '.join(command)}")
    return Watched(**found)


def main() -> None:
    """Run the command of the command line."""
    import resource

    started = time.perf_counter()
    process = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # macOS counts bytes, Linux KiB.
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
    measured = {"wall_seconds": wall, "cpu_seconds": used.ru_utime + used.ru_stime, "peak_mb": peak}
    print(json.dumps({**measured, "exit_code": process.returncode}))


if __name__ == "__main__":
    main()
