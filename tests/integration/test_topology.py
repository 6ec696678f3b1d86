"""The compose file's topology as plain processes: Redis, PostgreSQL, two workers, beat, Flower."""

import json
import socket
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import select

from qwenq.access.owner_token import owner_token
from qwenq.schemas.tables.core import chunks
from qwenq.store.views.fleet.workers import worker_of_process
from tests.audit import audit
from tests.processes import Fleet, qwenq
from tests.services import Jobs
from tests.waiting import eventually

SECRET = "the text of document"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def fetch(url: str, home: Path) -> str:
    """A page, requested with the token of a home folder; an empty string while the server does not answer."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {owner_token(home)}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            page: str = response.read().decode()
            return page
    except urllib.error.HTTPError as refused:
        return f"{refused.code}"
    except OSError:
        return ""


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_two_workers_beat_and_flower_answer_a_job_together(fleet: Fleet, jobs: Jobs) -> None:
    port = free_port()
    workers = [fleet.start("worker", "--model", "echo") for _ in range(2)]
    beat = fleet.start("beat")
    flower = fleet.start("flower", "--port", str(port))
    ready = [lambda worker=worker: "ready." in worker.log.read_text() for worker in workers]
    for look in ready:
        eventually(look, "a worker is ready")
    eventually(
        lambda: "OK" in fetch(f"http://127.0.0.1:{port}/healthcheck", fleet.settings.home), "Flower serves"
    )
    took_part: set[int] = set()
    while len(took_part) < len(workers):  # a worker may be slow to begin; the test's time-out bounds this
        job = jobs.submit([f"{SECRET} {place}" for place in range(1_000)], model="echo", chunk_documents=20)
        assert jobs.wait_until_ended(job.job_id).documents.succeeded == 1_000
        with jobs.store.reading() as connection:
            audit(connection, job.job_id)
            took_part |= set(connection.execute(select(chunks.c.worker_id)).scalars())
            registered = {
                worker.id
                for service in workers
                if (worker := worker_of_process(connection, socket.gethostname(), service.pid))
            }
    assert took_part == registered
    listed = f"http://127.0.0.1:{port}/tasks/datatable?draw=1&start=0&length=500&search[value]=&order[0][column]=0&order[0][dir]=asc&columns[0][data]=name"
    page = eventually(
        lambda: _answer_chunk_tasks(fetch(listed, fleet.settings.home)), "Flower lists the tasks"
    )
    assert SECRET not in page
    assert SECRET not in beat.log.read_text() + "".join(worker.log.read_text() for worker in workers)
    eventually(lambda: "reconciled" in beat.log.read_text(), "beat's small worker reconciles")
    before = page.count('"qwenq.answer_chunk"')
    jobs.submit(["one more"], model="echo")
    page = eventually(
        lambda: (
            newer
            if (newer := fetch(listed, fleet.settings.home)).count('"qwenq.answer_chunk"') > before
            else ""
        ),
        "Flower lists a task that came after the housekeeping",
    )
    assert "qwenq.reconcile" not in page
    assert flower.exit_code is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_credentials_guard_flower_and_stay_out_of_the_process_list(fleet: Fleet) -> None:
    import psutil

    port = free_port()
    flower = fleet.start(
        "flower",
        "--port",
        str(port),
        "--address",
        "0.0.0.0",
        env={"QWENQ_FLOWER_AUTH": "ann:hidden-password"},
    )
    assert (
        eventually(lambda: fetch(f"http://127.0.0.1:{port}/workers", fleet.settings.home), "Flower serves")
        == "401"
    )
    assert "hidden-password" not in " ".join(psutil.Process(flower.pid).cmdline())
    assert "hidden-password" not in flower.log.read_text()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_flower_refuses_to_be_open_to_the_world(fleet: Fleet) -> None:
    home = fleet.settings.home
    refused = qwenq("flower", "--address", "0.0.0.0", cwd=home)
    assert refused.returncode == 2
    assert "QWENQ_FLOWER_AUTH" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def _answer_chunk_tasks(page: str) -> str:
    try:
        rows = json.loads(page)["data"]
    except (json.JSONDecodeError, KeyError):
        return ""
    return page if any(row["name"] == "qwenq.answer_chunk" for row in rows) else ""
