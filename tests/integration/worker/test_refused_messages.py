"""A worker outlives whatever a writer to Redis puts into its queue, and answers a job afterwards."""

import json

import psutil
import pytest
import redis as redis_client

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import queue_name, socket_path
from qwenq.store.broker.task_messages import OPS_QUEUE
from tests.integration.store.broker.broker_messages import CLEANED, REFUSED, garbage
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

QUEUE = queue_name("echo")
PARTS = ("\x06\x163", "\x06\x166", "\x06\x169", "")
GARBAGE = 2_000


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_garbage_in_redis_ends_no_worker_and_loses_no_job(
    fleet: Fleet, jobs: Jobs, settings: Settings
) -> None:
    worker = fleet.start("worker", "--model", "echo")
    beat = fleet.start("beat")
    before = jobs.submit(["one"], model="echo")
    assert jobs.wait_until_ended(before.job_id).documents.succeeded == 1
    parent = psutil.Process(worker.pid)
    pids = {parent.pid, *(child.pid for child in parent.children(recursive=True))}
    with redis_client.Redis(unix_socket_path=socket_path(settings)) as client:
        for queue in (QUEUE, OPS_QUEUE):
            for part in PARTS:
                client.lpush(queue + part, *REFUSED.values())
            client.lpush(queue, *(json.dumps(one) for one in CLEANED.values()))
            client.lpush(queue, *garbage(1, GARBAGE))
        for exchange in ("celery.pidbox", "celeryev/task.sent", "celeryev/x"):
            for raw in [*REFUSED.values(), *garbage(2, 100)]:
                client.publish(f"/0.{exchange}", raw)
        during = jobs.submit(["two", "three"], model="echo", chunk_documents=1)
        assert jobs.wait_until_ended(during.job_id).documents.succeeded == 2
        eventually(
            lambda: not any(client.llen(queue + part) for queue in (QUEUE, OPS_QUEUE) for part in PARTS),
            "the queues are empty",
        )
        for key in (QUEUE, QUEUE + PARTS[0], OPS_QUEUE):
            client.delete(key)
            client.set(key, "text")
        eventually(lambda: not client.exists(QUEUE, QUEUE + PARTS[0]), "the wrong types are removed")
        after = jobs.submit(["four"], model="echo")
        assert jobs.wait_until_ended(after.job_id).documents.succeeded == 1
        assert not client.exists("unacked", "unacked_index")
    assert {parent.pid, *(child.pid for child in parent.children(recursive=True))} == pids
    assert (worker.exit_code, beat.exit_code) == (None, None)
    for process in (worker, beat):
        log = process.log.read_text()
        assert "broker.refused" in log
        assert "Traceback" not in log
        assert " level=error" not in log
        assert max(map(len, log.splitlines())) < 2_000
