"""Run foreign tests of Files and Batches against the service: `python -m tests.clients.foreign /path/to/ogx`."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.served import served

FOLDERS = ("tests/integration/batches", "tests/integration/files")
OF_ITS_INSIDE = "authentication"
"""Tests that replace functions inside of ogx."""


def main() -> int:
    """Run the tests of an ogx checkout. Returns pytest's exit code."""
    [ogx] = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home, served(Path(home)) as service:
        command = (
            *(sys.executable, "-m", "pytest", "-p", "tests.clients.foreign_tests", "-p", "no:cacheprovider"),
            *(
                "-c",
                os.devnull,
                "--rootdir",
                ogx,
                "-rA",
                "-q",
                "--tb=short",
                "-k",
                f"not {OF_ITS_INSIDE}",
                *FOLDERS,
            ),
        )
        here = str(Path(__file__).parents[2])
        environment = {**os.environ, **service.environment, "PYTHONPATH": here}
        return subprocess.run(command, cwd=ogx, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
