"""Fuzz the readers and the rendering of prompts: `python -m tests.fuzzing --inputs 1000000`.

Uses atheris, guided by coverage, if it is installed, else Hypothesis. A failing case is written to a file: move it to
`tests/fuzzing/corpus/` under a name that says what is wrong, and the tests will run it.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from tests.fuzzing.cases import CORPUS, MOST_BYTES, TARGETS

# Reading is much quicker and has more code; a damaged file takes milliseconds.
SHARES = {"reading": 0.78, "rendering": 0.2, "damaged": 0.02}
# Wall time, which goes on while the machine is suspended; the targets limit processor time themselves.
SECONDS_OF_A_CASE = 120
MEGABYTES = 2_048
_TRIED = "stat::number_of_executed_units:"


def main() -> int:
    """Run every target for its share of the inputs. Returns the exit code: 1 if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many, all targets together")
    parser.add_argument("--found", type=Path, default=Path("fuzzing-found"), help="where failing cases go")
    options = parser.parse_args()
    options.found.mkdir(exist_ok=True)
    run = _guided if find_spec("atheris") else _drawn
    return max([run(target, round(SHARES[target] * options.inputs), options.found) for target in TARGETS])


def _guided(target: str, inputs: int, found: Path) -> int:
    """Run libFuzzer in a child process, since it ends its process when it is done."""
    began, tried = time.monotonic(), "no"
    with tempfile.TemporaryDirectory() as grown:
        command = [
            *(sys.executable, "-m", "tests.fuzzing.guided", target),
            *(grown, str(CORPUS / target)),
            f"-runs={inputs}",
            f"-max_len={MOST_BYTES}",
            f"-timeout={SECONDS_OF_A_CASE}",
            f"-rss_limit_mb={MEGABYTES}",
            f"-dict={CORPUS.parent / target}.dict",
            f"-artifact_prefix={found}/{target}-",
            "-print_final_stats=1",
            "-verbosity=0",
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as fuzzer:
            assert fuzzer.stderr is not None
            for line in fuzzer.stderr:
                sys.stderr.write(line)
                if line.startswith(_TRIED):
                    tried = line.removeprefix(_TRIED).strip()
    sys.stderr.write(f"{target}: {tried} inputs, {time.monotonic() - began:,.0f} s\n")
    return int(fuzzer.returncode != 0)


def _drawn(target: str, inputs: int, _found: Path) -> int:
    """Draw the cases with Hypothesis."""
    from hypothesis import given, settings
    from hypothesis import strategies as st

    check = TARGETS[target]

    @settings(max_examples=inputs, deadline=None, database=None)
    @given(st.binary(max_size=MOST_BYTES))
    def any_case(case: bytes) -> None:
        check(case)

    any_case()
    return 0


if __name__ == "__main__":
    sys.exit(main())
