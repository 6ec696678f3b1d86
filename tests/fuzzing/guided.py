"""Run a target under atheris: `python -m tests.fuzzing.guided reading FOLDER… -runs=N`, with libFuzzer's options."""

import sys

import atheris

# The fuzzer looks for cases that take new paths through the code that is imported here.
with atheris.instrument_imports(include=["qwenq.producer", "qwenq.schemas", "jinja2"]):
    from tests.fuzzing.cases import TARGETS


def main() -> None:
    """Run until all inputs are used or a case fails. Ends the process."""
    target = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
