"""Hold the service against its OpenAPI document with schemathesis: `python -m tests.clients.openapi --cases 10000`.

It is installed into an environment of its own, since it needs an older library than qwenq does. It draws calls of every
operation, sane and not, alone and one after the other. None may be answered with 5xx or as the document does not say.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.clients.environments import python_of
from tests.clients.served import served

REQUIREMENTS = ("schemathesis==4.32.5",)
CASES_OF_AN_EXAMPLE = 27
"""Cases that a run has for each of `--max-examples`: measured, with 20 operations."""
CONFIGURATION = """
# A schema cannot say what a file for a batch must hold, which parameters can be honoured, or what a state allows.
[checks]
positive_data_acceptance.enabled = false
"""


def main() -> int:
    """Run it. Returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients.openapi", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="about how many")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    program = python_of("schemathesis", REQUIREMENTS).parent / "schemathesis"
    examples = max(1, options.cases // CASES_OF_AN_EXAMPLE)
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as service:
        configuration = Path(folder) / "schemathesis.toml"
        configuration.write_text(CONFIGURATION, "utf-8")
        command = (
            *(program, "--config-file", configuration, "run", f"{service.address}/openapi.json"),
            *("--header", f"Authorization: Bearer {service.key}", "--max-examples", str(examples)),
            *(
                "--seed",
                str(options.seed),
                "--continue-on-failure",
                "--request-timeout",
                "30",
            ),
            *("--suppress-health-check", "all"),
        )
        return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
