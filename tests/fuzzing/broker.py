"""Push garbage into the queues of a real Redis, mixed with real jobs, while a real worker and beat run.

    python -m tests.fuzzing.broker [--messages 100000] [--seed 14]

Prints messages a second, log lines, and the memory of the worker's parent process. Exits with 1 if a process ended, a
document got no answer, a message stayed, or a second has more than one line of refused messages.
"""

import argparse
import itertools
import json
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import psutil
import redis as redis_client

from qwenq.embedded.redis import start_redis
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, queue_name, socket_path
from qwenq.store.broker.task_messages import OPS_QUEUE
from qwenq.store.database.opening import open_store
from tests.integration.store.broker.broker_messages import CLEANED, garbage
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

AT_ONCE = 1_000
JOB_EVERY = 20_000
DOCUMENTS = 20
MEBIBYTE = 2**20


def main(messages: int, seed: int) -> int:
    """Run it. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="qwenq-garbage-") as folder:
        settings = Settings(home=Path(folder), lease_seconds=10)
        open_store(settings).close()
        server = start_redis(settings)
        fleet = Fleet(settings)
        try:
            return _run(settings, fleet, messages, seed)
        finally:
            fleet.kill()
            server.kill()


def _run(settings: Settings, fleet: Fleet, messages: int, seed: int) -> int:
    model = "echo"
    services = [fleet.start("worker", "--model", model), fleet.start("beat")]
    parents = [psutil.Process(service.pid) for service in services]
    with open_store(settings) as store, Broker(settings) as broker:
        jobs = Jobs(store, broker, settings)

        def submit() -> int:
            return jobs.submit(map(str, range(DOCUMENTS)), model=model, chunk_documents=1).job_id

        jobs.wait_until_ended(submit())
        before = [process.memory_info().rss for process in parents]
        submitted: list[int] = []
        began = time.monotonic()
        keys = [
            queue + part
            for queue in (queue_name(model), OPS_QUEUE)
            for part in ("", "\x06\x163", "\x06\x166")
        ]
        with redis_client.Redis(unix_socket_path=socket_path(settings)) as client:
            values = garbage(seed, messages)
            for number in range(-(-messages // AT_ONCE)):
                some = list(itertools.islice(values, AT_ONCE))
                client.lpush(keys[number % len(keys)], *some)
                client.publish("/0.celery.pidbox", some[0])
                if number * AT_ONCE % JOB_EVERY == 0:
                    client.lpush(keys[0], *(json.dumps(one) for one in CLEANED.values()))
                    submitted.append(submit())
            eventually(lambda: not any(client.llen(key) for key in keys), "the queues are empty", 600)
            seconds = time.monotonic() - began
        statuses = [jobs.wait_until_ended(job_id) for job_id in submitted]
        after = [process.memory_info().rss for process in parents]
    answered = sum(status.documents.succeeded for status in statuses)
    logs = [service.log.read_text() for service in services]
    lines = [line for log in logs for line in log.splitlines() if "broker.refused" in line]
    most = max(
        max(Counter(re.findall(r"^(\S{19})\S* .*broker\.refused", log, re.MULTILINE)).values(), default=0)
        for log in logs
    )
    ended = [service.name for service in services if service.exit_code is not None]
    told = {
        "messages": messages, "seconds": round(seconds, 1), "messages a second": round(messages / seconds),
        "documents answered": f"{answered} of {len(submitted) * DOCUMENTS}", "log lines": len(lines),
        "most lines that one process logged within a second of the clock": most, "longest line": max(map(len, lines)),
        "processes that ended": ended,
        "memory of worker's and beat's parent before and after, MiB": [
            (old // MEBIBYTE, new // MEBIBYTE) for old, new in zip(before, after, strict=True)
        ],
    }  # fmt: skip
    for what, value in told.items():
        sys.stdout.write(f"{what}: {value}\n")
    # Two lines a second apart may fall into one second of the clock by rounding.
    return int(bool(ended) or answered < len(submitted) * DOCUMENTS or most > 2)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=14)
    given = parser.parse_args()
    sys.exit(main(given.messages, given.seed))
