"""Many writers at once, threads and processes: each waits its turn, none fails, nothing is lost."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select, update

from schemas.tables import workers
from store.database import Store
from store.version import check_version, upgrade_store
from tests.builders import make_worker

ROOT = Path(__file__).parents[3]
THREADS, TIMES = 6, 10
PROGRAM = """
import sys
from store.database import Store
from tests.integration.store.test_writers import count_up
count_up(Store(sys.argv[1]), int(sys.argv[2]))
"""


def count_up(store: Store, worker_id: int) -> None:
    """Read a number and write the next, as often as agreed; only a writer that is alone counts right."""
    for _ in range(TIMES):
        with store.writing() as connection:
            loads = connection.execute(
                select(workers.c.loads).where(workers.c.id == worker_id).with_for_update()
            ).scalar_one()
            connection.execute(update(workers).where(workers.c.id == worker_id).values(loads=loads + 1))


def test_writing_threads_wait_for_each_other(store: Store) -> None:
    worker_id = make_worker(store)
    with ThreadPoolExecutor(THREADS) as threads:
        for counting in [threads.submit(count_up, store, worker_id) for _ in range(THREADS)]:
            counting.result(60)
    assert _loads(store, worker_id) == 1 + THREADS * TIMES


def test_writing_processes_wait_for_each_other(store: Store, database_url: str) -> None:
    worker_id = make_worker(store)
    command = [sys.executable, "-c", PROGRAM, database_url, str(worker_id)]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        _, complaints = process.communicate(timeout=120)
        assert (process.returncode, complaints) == (0, b"")
    assert _loads(store, worker_id) == 1 + 3 * TIMES


def test_a_new_store_may_be_made_by_several_at_once(empty_store: Store) -> None:
    url = empty_store.engine.url.render_as_string(hide_password=False)
    together = threading.Barrier(THREADS, timeout=30)

    def make(_: int) -> str | None:
        own = Store(url)
        try:
            together.wait()
            return upgrade_store(own)
        finally:
            own.close()

    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(make, range(THREADS)))
    assert found.count(None) == 1
    check_version(empty_store)


def _loads(store: Store, worker_id: int) -> int:
    with store.reading() as connection:
        return connection.execute(select(workers.c.loads).where(workers.c.id == worker_id)).scalar_one()
