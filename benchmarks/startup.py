"""Measure how long commands take as whole processes, on a large store.

`qwenq --help` and `qwenq status` on a SQLite store of 1,000 jobs with 1,000,000 documents: the median of ten
alternating rounds. For information, it lists the packages that `qwenq status` imports most slowly.

    python -m benchmarks.startup [--rounds 10] [--json]
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from sqlalchemy import text

from benchmarks.report import Bar, Report, conditions, parser, tell
from benchmarks.services import forget_environment, make_store
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store, database_url

SECONDS_BAR = 0.5
JOBS = 1_000
CHUNKS_A_JOB = 2
DOCUMENTS_A_CHUNK = 500
SHOWN_PACKAGES = 6

_NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count}) "
)
_JOBS = """
    INSERT INTO jobs (name, state, model, priority, prompt, params, sources, created_at, started_at, finished_at)
    SELECT 'night-' || n || '.jsonl', 'completed', 'echo', 'normal', '{}', '{}', '[]', n, n, n + 60 FROM numbers
"""
_CHUNKS = """
    INSERT INTO chunks (
        job_id, first_seq, last_seq, state, attempt, crashes, created_at, published_at, finished_at,
        documents, succeeded, failed, cancelled, prompt_tokens, completion_tokens, reasoning_tokens
    )
    SELECT id, n * :size, n * :size + :size - 1, 'done', 1, 0, created_at, created_at, finished_at,
           :size, :size, 0, 0, 90000, 30000, 0
    FROM jobs CROSS JOIN numbers ORDER BY id, n
"""
_DOCUMENTS = """
    INSERT INTO documents (job_id, seq, custom_id, source, line, state, content)
    SELECT id, n, 'document-' || n, 0, n + 1, 'pending', '{"text":"An invoice."}'
    FROM jobs CROSS JOIN numbers ORDER BY id, n
"""
_RESULTS = """
    INSERT INTO results (
        job_id, seq, chunk_id, attempt, worker_id, text, finish_reason,
        prompt_tokens, completion_tokens, reasoning_tokens, created_at
    )
    SELECT id, n, 1, 1, 1, 'It is due on 12 May.', 'stop', 90, 30, 0, created_at
    FROM jobs CROSS JOIN numbers ORDER BY id, n
"""


def fill(settings: Settings) -> None:
    """Create a store with finished jobs."""
    make_store(settings)
    with Store(database_url(settings)) as store, store.writing() as connection:
        connection.execute(text(_NUMBERS.format(count=JOBS) + _JOBS))
        chunks = text(_NUMBERS.format(count=CHUNKS_A_JOB) + _CHUNKS)
        connection.execute(chunks, {"size": DOCUMENTS_A_CHUNK})
        numbers = _NUMBERS.format(count=CHUNKS_A_JOB * DOCUMENTS_A_CHUNK)
        for rows in (_DOCUMENTS, _RESULTS):
            connection.execute(text(numbers + rows))


def seconds_of(command: list[str], environment: Mapping[str, str]) -> float:
    """Run a command, which must succeed. Returns its wall seconds."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def slowest_packages(environment: Mapping[str, str]) -> list[tuple[str, float]]:
    """Find the packages that `qwenq status` imports most slowly, each without its own imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "qwenq", "status"],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    spent: Counter[str] = Counter()
    for line in done.stderr.splitlines()[1:]:
        own, _, name = line.removeprefix("import time:").split("|")
        spent[name.strip().partition(".")[0]] += int(own)
    return [(name, microseconds / 1e6) for name, microseconds in spent.most_common(SHOWN_PACKAGES)]


def main() -> int:
    """Measure and report. Returns the exit code."""
    options = parser("measure the start of commands")
    options.add_argument("--rounds", type=int, default=10)
    arguments = options.parse_args()
    forget_environment()
    qwenq = str(Path(sys.executable).with_name("qwenq"))
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "qwenq --help": [qwenq, "--help"],
        "qwenq status": [qwenq, "status"],
        "qwenq status JOB --json": [qwenq, "status", str(JOBS), "--json"],
    }
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        fill(settings)
        environment = {**os.environ, **environment_of(settings)}
        sizes = {
            "jobs": JOBS,
            "documents": JOBS * CHUNKS_A_JOB * DOCUMENTS_A_CHUNK,
            "rounds": arguments.rounds,
        }
        report = Report("startup", conditions(**sizes))
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                taken[name].append(seconds_of(command, environment))
        for name, seconds in taken.items():
            report.add(name, median(seconds), "s")
            report.add(f"{name}, fastest", min(seconds), "s")
        for package, spent in slowest_packages(environment):
            report.add(f"`qwenq status` imports {package}", spent, "s")
    for name in ("qwenq --help", "qwenq status"):
        report.bars.append(Bar(f"{name}, seconds", median(taken[name]), at_most=SECONDS_BAR))
    return tell(report, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
