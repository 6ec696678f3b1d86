"""Have real clients run batches against the service: `python -m tests.clients --only openai-3,airflow`.

Each client is installed from the registry into an environment of its own in build/clients/, and runs its program of
tests/clients/programs/ against one service with a worker of the tiny model. A program ends with 0 if all that it
asserts holds; a line `cannot: …` of it says what the client itself cannot do.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.clients.clients import CLIENTS, Client
from tests.clients.environments import python_of, versions_in
from tests.clients.served import Served, served

PROGRAMS = Path(__file__).parent / "programs"
MOST_SECONDS = 600


def main() -> int:
    """Run the clients. Returns the exit code: 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("--only", default="", help="names, separated by commas")
    wanted = set(filter(None, parser.parse_args().only.split(",")))
    clients = [client for client in CLIENTS if not wanted or client.name in wanted]
    pythons = {client.name: python_of(client.name, client.requirements) for client in clients}
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as service:
        failed = [client.name for client in clients if not _runs(client, pythons[client.name], service)]
    sys.stdout.write(
        f"{len(clients) - len(failed)} clients passed, {len(failed)} failed {' '.join(failed)}\n"
    )
    return int(bool(failed))


def _runs(client: Client, python: Path, service: Served) -> bool:
    """Run a client's program; tell what it did. Returns whether it passed."""
    hidden = ("QWENQ_", "OPENAI_", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            ended = subprocess.run(
                [python, PROGRAMS / client.program],
                cwd=folder,
                env={**kept, "HOME": folder, **service.environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=MOST_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            said, passed = f"{late.output or ''}\nit did not end", False
        else:
            said, passed = ended.stdout, ended.returncode == 0
    versions = versions_in(python, client.packages)
    sys.stdout.write(
        f"{'ok' if passed else 'FAILED':6} {client.name} ({versions}), {time.monotonic() - began:.0f} s\n"
    )
    shown = [line for line in said.splitlines() if not passed or line.startswith(("did: ", "cannot: "))]
    sys.stdout.write("".join(f"       {line}\n" for line in shown))
    sys.stdout.flush()
    return passed


if __name__ == "__main__":
    sys.exit(main())
