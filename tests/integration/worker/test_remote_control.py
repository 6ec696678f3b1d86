"""Workers answer the questions of Flower's pages, and obey no commands of a writer to Redis."""

import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, queue_name
from qwenq.store.broker.control_messages import QUESTIONS
from tests.processes import Fleet, working_process
from tests.services import Jobs
from tests.waiting import eventually

QUEUE = queue_name("echo")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


def test_workers_answer_every_question_of_flowers_pages(fleet: Fleet, broker: Broker, jobs: Jobs) -> None:
    fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(jobs.submit(["one"], model="echo").job_id).documents.succeeded == 1

    def ask(question: str) -> Any:
        inspect = broker.app.control.inspect(timeout=5.0, limit=1)
        replies = getattr(inspect, question)(**({"safe": True} if question == "active" else {}))
        (reply,) = replies.values()
        return reply

    assert ask("ping") == {"ok": "pong"}
    assert {"pool", "broker", "total"} <= ask("stats").keys()
    assert [queue["name"] for queue in ask("active_queues")] == [QUEUE]
    assert ask("conf")["task_time_limit"] > 0
    assert any("qwenq.answer_chunk" in one for one in ask("registered"))
    for question in QUESTIONS.keys() - {"ping", "stats", "active_queues", "conf", "registered", "heartbeat"}:
        assert ask(question) == []


def test_workers_obey_no_command(fleet: Fleet, broker: Broker, jobs: Jobs, settings: Settings) -> None:
    worker = fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(jobs.submit(["one"], model="echo").job_id).documents.succeeded == 1
    child = working_process(worker)
    assert child is not None
    control = broker.app.control
    commands: list[Callable[[], object]] = [
        lambda: control.cancel_consumer(QUEUE),
        lambda: control.add_consumer("qwenq.other"),
        lambda: control.pool_grow(3),
        lambda: control.pool_shrink(1),
        control.pool_restart,
        lambda: control.autoscale(5, 1),
        control.shutdown,
        lambda: control.rate_limit("qwenq.answer_chunk", "1/h"),
        lambda: control.time_limit("qwenq.answer_chunk", hard=0.01),
        lambda: control.terminate("a" * 36),
        lambda: control.revoke_by_stamped_headers({"a": "b"}, terminate=True),
        control.disable_events,
        lambda: control.broadcast("memdump", arguments={"samples": 10**6}),
        lambda: control.broadcast("objgraph"),
        lambda: control.broadcast("hello", arguments={"from_node": "x", "revoked": {"a": 1}}),
        lambda: control.broadcast("stats", arguments={"garbage": 1}),
        lambda: control.broadcast("conf", arguments={"with_defaults": True}),
        lambda: control.broadcast("ping", pattern="(a+)+$", matcher="pcre"),  # type: ignore[arg-type]  # as Celery does
    ]
    for command in commands:
        command()
        time.sleep(0)
    log = settings.home / "logs" / "worker-0.log"
    eventually(lambda: "workers do not obey this command" in log.read_text(), "the worker refuses")
    assert jobs.wait_until_ended(jobs.submit(["two"], model="echo").job_id).documents.succeeded == 1
    assert working_process(worker) == child
    assert len([one for one in psutil.Process(worker.pid).children() if one == child]) == 1
    assert worker.exit_code is None
    assert log.read_text().count("workers do not obey") < len(commands)
