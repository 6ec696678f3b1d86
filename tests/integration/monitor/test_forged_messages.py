"""Events and replies that a writer to Redis makes up break no page of Flower, and cost it no memory."""

import base64
import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psutil
import pytest
from redis import Redis

from qwenq.schemas.settings import Settings
from qwenq.store.broker import event_messages
from qwenq.store.broker.broker import Broker, socket_path
from qwenq.store.broker.event_messages import Names, check_events
from qwenq.store.broker.refusals import Refusal
from tests.integration.store.broker.broker_messages import REFUSED, encoded, garbage
from tests.monitors import running_monitor
from tests.waiting import eventually

PAGES = (
    "/workers",
    "/workers?json=1",
    "/tasks",
    "/fleet",
    "/metrics",
    "/broker",
    "/api/workers",
    "/worker/w@here",
)
WRONG: tuple[Any, ...] = (
    None,
    "text",
    [],
    ["a", "b", "c"],
    {},
    -1,
    1e300,
    float("nan"),
    10**400,
    True,
    "x" * 10_000,
)
HEARTBEAT: dict[str, Any] = {
    "type": "worker-heartbeat", "hostname": "w@here", "utcoffset": 0, "pid": 1, "clock": 1, "freq": 2.0, "active": 0,
    "processed": 0, "loadavg": [0.1, 0.2, 0.3], "sw_ident": "py-celery", "sw_ver": "5.7.0", "sw_sys": "Linux",
}  # fmt: skip
TASK: dict[str, Any] = {
    "type": "task-succeeded", "hostname": "w@here", "uuid": str(uuid4()), "runtime": 1.0, "result": "None",
    "name": "qwenq.answer_chunk", "retries": 0, "root_id": None, "parent_id": None, "args": "()", "kwargs": "{}",
}  # fmt: skip


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def client(settings: Settings, redis: None) -> Iterator[Redis]:
    with Redis(unix_socket_path=socket_path(settings)) as client:
        yield client


def wrapped(body: Any, **headers: Any) -> bytes:
    """A message as Celery sends it."""
    return json.dumps(
        {
            "body": encoded(body),
            "content-encoding": "utf-8",
            "content-type": "application/json",
            "headers": headers,
            "properties": {
                "body_encoding": "base64", "delivery_tag": str(uuid4()), "priority": 0,
                "delivery_info": {"exchange": "celeryev", "routing_key": "x"},
            },
        }
    ).encode()  # fmt: skip


def forged_events() -> Iterator[Any]:
    for sound in (HEARTBEAT, TASK):
        now = {**sound, "timestamp": time.time()}
        for name in now:
            yield {key: value for key, value in now.items() if key != name}
            for wrong in WRONG:
                yield {**now, name: wrong}
                yield [now, {**now, name: wrong}]
        yield {**now, "type": "worker-custom", "children": 5, "heartbeats": "text", "_fields": 1}
        yield {**now, "heartbeats": "text", "event": "text", "alive": 1, "state": [], "received": "x"}
    yield from WRONG


@pytest.mark.parametrize("sound", [HEARTBEAT, TASK])
def test_sound_events_pass_unchanged(sound: dict[str, Any]) -> None:
    event = {**sound, "timestamp": time.time()}
    taken = check_events(wrapped([event]), "celeryev.x", Names())
    assert json.loads(base64.b64decode(taken["body"])) == [event]


def test_control_characters_in_events_are_shown_as_such() -> None:
    forged = {**TASK, "timestamp": time.time(), "args": "(\u202e1)\x1b[2J"}
    taken = check_events(wrapped(forged), "celeryev.x", Names())
    assert json.loads(base64.b64decode(taken["body"]))["args"] == "(\\u202e1)\N{SYMBOL FOR ESCAPE}[2J"


def test_names_of_nodes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_messages, "MOST_NAMES", 10)
    names = Names()
    for number in range(10):
        names.note(f"w{number}@here")
    with pytest.raises(Refusal):
        names.note("w10@here")
    names.note("w3@here")


def test_forged_events_break_no_page(
    settings: Settings, client: Redis, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with running_monitor(settings) as flower:

        def seen() -> bool:
            client.publish("/0.celeryev/worker.heartbeat", wrapped({**HEARTBEAT, "timestamp": time.time()}))
            return "w@here" in flower.get("/workers?json=1").text

        eventually(seen, "Flower sees a worker")
        for event in forged_events():
            client.publish("/0.celeryev/worker.heartbeat", wrapped(event))
        for raw in [*REFUSED.values(), *garbage(3, 500)]:
            client.publish("/0.celeryev/worker.heartbeat", raw)
        last = {**HEARTBEAT, "hostname": "last@here", "timestamp": time.time()}
        client.publish("/0.celeryev/worker.heartbeat", wrapped(last))
        eventually(lambda: "last@here" in flower.get("/workers?json=1").text, "Flower took all events", 30)
        assert "broker.away" not in caplog.text
        for page in PAGES:
            assert flower.get(page).status_code < 500, page
        memory = psutil.Process().memory_info().rss
        for number in range(20_000):
            client.publish(
                "/0.celeryev/worker.heartbeat",
                wrapped({**HEARTBEAT, "hostname": f"w{number}@h", "freq": "x"}),
            )
        last["hostname"] = "later@here"
        client.publish("/0.celeryev/worker.heartbeat", wrapped(last))
        eventually(lambda: "later@here" in flower.get("/workers?json=1").text, "Flower took all events")
        assert psutil.Process().memory_info().rss - memory < 20 * 2**20
        assert len(flower.monitor.events.state.workers) <= 4


def test_forged_replies_break_no_page(settings: Settings, client: Redis, broker: Broker) -> None:
    forged = itertools.cycle(
        [*WRONG[:6], {"total": 1}, {"total": {}, "broker": 5}, [{}], [5], {"a": {"b": []}}]
    )
    over = threading.Event()

    def answer() -> None:
        with client.pubsub() as questions:  # type: ignore[no-untyped-call]
            questions.subscribe("/0.celery.pidbox")
            while not over.is_set():
                if (one := questions.get_message(ignore_subscribe_messages=True, timeout=0.1)) is None:
                    continue
                asked = json.loads(base64.b64decode(json.loads(one["data"])["body"]))
                if not asked.get("reply_to"):
                    continue
                queue = f"{asked['reply_to']['routing_key']}.reply.celery.pidbox"
                for ticket in (asked["ticket"], str(uuid4()), "text", None):
                    client.lpush(queue, wrapped({"w@here": next(forged)}, ticket=ticket))
                client.lpush(queue, *list(REFUSED.values())[:10])

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with running_monitor(settings) as flower:
            for _ in range(5):
                for page in (*PAGES, "/workers?refresh=1", "/api/workers?refresh=1"):
                    assert flower.get(page).status_code < 500, page
            assert not flower.monitor.capp.control.mailbox.unclaimed
    finally:
        over.set()
        thread.join()
