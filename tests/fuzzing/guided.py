"""One target under atheris: `python -m tests.fuzzing.guided reading FOLDER… -runs=N`, options as libFuzzer's."""

import sys

import atheris

# What is imported here is watched: the fuzzer looks for cases that go new ways through it.
with atheris.instrument_imports(include=["producer", "schemas", "jinja2"]):
    from tests.fuzzing.cases import TARGETS


def main() -> None:
    """Run until the inputs are used up or a case fails; ends the process."""
    target = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
