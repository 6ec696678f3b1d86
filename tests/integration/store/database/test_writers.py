"""Many writers at once, threads and processes: each waits its turn, none fails, nothing is lost."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select, update

from qwenq.schemas.tables.core import workers
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version
from tests.builders import make_worker

ROOT = Path(__file__).parents[4]
THREADS, PROCESSES, TIMES = 6, 3, 10
PROGRAM = """
import sys
import qwenq.migrations.versions, alembic.command
from qwenq.store.database.store import Store
from qwenq.store.database.version import upgrade_store
from tests.integration.store.database.test_writers import count_up

print("ready", flush=True)
sys.stdin.readline()
store = Store(sys.argv[1])
{work}
store.close()
"""


def count_up(store: Store, worker_id: int) -> None:
    """Count up in the store, TIMES times; only exclusive writers count right."""
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
    _at_once(database_url, f"count_up(store, {worker_id})")
    assert _loads(store, worker_id) == 1 + PROCESSES * TIMES


def test_a_new_store_may_be_made_by_several_processes_at_once(empty_store: Store) -> None:
    url = empty_store.engine.url.render_as_string(hide_password=False)
    found = _at_once(url, "print(upgrade_store(store))")
    assert found.count("None") == 1
    check_version(empty_store)


def _at_once(url: str, work: str) -> list[str]:
    """Start the same work in ready processes at once. Returns the output of each."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(work=work), url]
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=120) for process in processes]
    assert [complaints for _, complaints in ended] == [""] * PROCESSES
    return [said.strip() for said, _ in ended]


def _loads(store: Store, worker_id: int) -> int:
    with store.reading() as connection:
        loads: int = connection.execute(select(workers.c.loads).where(workers.c.id == worker_id)).scalar_one()
    return loads
