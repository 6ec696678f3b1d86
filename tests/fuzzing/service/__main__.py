"""Fuzz the HTTP service: `python -m tests.fuzzing.service --inputs 200000 --seed 1`.

Calls of all its routes are drawn: forms, JSON, queries, paths, headers, damaged, in pieces, broken off. None may be
answered with 5xx, or not at all; each refusal must have OpenAI's form; and afterwards exactly what was accepted is
stored. A tenth of the calls runs on PostgreSQL. Then drawn files are validated as batches, and a server is sent broken
HTTP.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.chaos.world.servers import PostgresServer
from tests.fuzzing.service.fuzzed import FuzzedService
from tests.fuzzing.service.lines import check_drawn_file
from tests.fuzzing.service.sockets import BROKEN, check_broken, drawn_broken, listening

MOST_SHOWN = 40


def main() -> int:
    """Fuzz both databases, then files and sockets. Returns the exit code: 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzzing.service", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    inputs, seed = options.inputs, options.seed
    with tempfile.TemporaryDirectory() as home:
        good = _fuzz(Path(home), f"sqlite:///{home}/store.db", inputs * 9 // 10, seed)
    server = PostgresServer(autovacuum="off")
    try:
        with tempfile.TemporaryDirectory() as home:
            good &= _fuzz(Path(home), server.url, inputs // 10, seed + 1)
    finally:
        server.close()
    clean = sum(check_drawn_file(place) for place in range(seed, seed + inputs // 2))
    sys.stdout.write(f"{inputs // 2:,} files of lines, {clean:,} of them without a fault\n")
    return int(not good)


def _fuzz(home: Path, database_url: str, inputs: int, seed: int) -> bool:
    settings, began = Settings(home=home, database_url=database_url), time.monotonic()
    with Store(database_url) as store:
        upgrade_store(store)
        fuzzed = FuzzedService(settings, store, seed)
        asyncio.run(fuzzed.feed(inputs))
        seconds = time.monotonic() - began
        broken = [*BROKEN, *(drawn_broken(place) for place in range(inputs // 200))]
        with listening(fuzzed.application) as port:
            for data in broken:
                check_broken(port, data)
    wrong, database = fuzzed.figures.wrong, database_url.partition(":")[0]
    sys.stdout.write(f"{database}: {inputs:,} inputs in {seconds:,.0f} s: {fuzzed.figures.told}\n")
    sys.stdout.write("".join(f"{one}\n" for one in wrong[:MOST_SHOWN]))
    sys.stdout.write(f"{database}: {len(broken):,} times broken HTTP\n")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
