"""Messages that are not ours are dropped before Celery sees them; of others only our own fields are kept."""

import json
import logging
from collections.abc import Iterator

import pytest
from kombu import Queue
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, queue_name, socket_path
from qwenq.store.broker.refusals import SHOWN_CHARACTERS, Refusal, Refusals
from qwenq.store.broker.task_messages import OPS_QUEUE, check_task_message
from tests.integration.store.broker.broker_messages import CLEANED, REFUSED, encoded, garbage, message

QUEUE = queue_name("echo")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def client(settings: Settings, redis: None) -> Iterator[Redis]:
    with Redis(unix_socket_path=socket_path(settings)) as client:
        yield client


@pytest.mark.parametrize("name", REFUSED)
def test_a_message_that_is_not_ours_is_refused(name: str) -> None:
    with pytest.raises(Refusal):
        check_task_message(REFUSED[name], QUEUE, 3)


@pytest.mark.parametrize("name", CLEANED)
def test_of_a_message_only_our_own_fields_are_kept(name: str) -> None:
    sent = json.dumps(CLEANED[name]).encode()
    taken = check_task_message(sent, QUEUE, 3)
    assert taken["body"] == encoded(
        [[1], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
    )
    headers = taken["headers"]
    assert headers["timelimit"] == [None, None]
    assert headers["eta"] is headers["expires"] is headers["parent_id"] is None
    assert (headers["retries"], headers["argsrepr"]) == (0, "(chunk 1)")
    assert not {"stamps", "stamped_headers", "group", "compression", "shadow"} & headers.keys()
    assert taken["properties"]["delivery_info"] == {"exchange": "", "routing_key": QUEUE}


def test_duties_of_beat_keep_the_time_at_which_they_are_out_of_date() -> None:
    when = "2999-01-01T00:00:00+00:00"
    duty = message({"task": "qwenq.tick", "expires": when}, body=encoded([[], {}, {}]))
    assert check_task_message(json.dumps(duty).encode(), OPS_QUEUE, 0)["headers"]["expires"] == when
    for wrong in ("soon", 5, "2999-01-01T00:00:00", "2" * 1_000):
        duty["headers"]["expires"] = wrong
        with pytest.raises(Refusal):
            check_task_message(json.dumps(duty).encode(), OPS_QUEUE, 0)


def test_random_messages_are_refused_or_name_one_chunk() -> None:
    refused = 0
    for raw in garbage(seed=14, count=5_000):
        try:
            check_task_message(raw, QUEUE, 0)
        except Refusal:
            refused += 1
    assert refused == 5_000


def test_refused_messages_leave_nothing_in_redis(broker: Broker, client: Redis) -> None:
    for raw in REFUSED.values():
        client.lpush(QUEUE, raw)
    broker.announce([Announcement(4711, "echo", Priority.NORMAL)])
    with broker.app.connection_for_read() as connection:
        queue = Queue(QUEUE, channel=connection.default_channel)
        taken = queue.get()
        assert taken is not None
        assert taken.payload[0] == [4711]
        taken.reject(requeue=True)
        assert broker.depth("echo") == 1
        again = queue.get()
        assert again is not None
        again.ack()
    assert client.keys("*") == []


def test_a_delivered_message_goes_back_into_its_queue_when_the_channel_closes(broker: Broker) -> None:
    broker.announce([Announcement(4711, "echo", Priority.LOW)])
    with broker.app.connection_for_read() as connection:
        assert Queue(QUEUE, channel=connection.default_channel).get() is not None
        assert broker.depth("echo") == 0
    assert broker.depth("echo") == 1


@pytest.mark.parametrize("key", [QUEUE, f"{QUEUE}\x06\x163"])
def test_a_key_of_a_queue_that_holds_another_type_is_replaced(
    key: str, broker: Broker, client: Redis
) -> None:
    for spoil in (lambda: client.set(key, "text"), lambda: client.sadd(key, "member")):
        client.flushall()
        spoil()
        assert broker.depth("echo") == 0
        spoil()
        broker.announce([Announcement(1, "echo", Priority.NORMAL)])
        assert broker.depth("echo") == 1


def test_tables_of_bindings_in_redis_are_not_believed(broker: Broker, client: Redis) -> None:
    client.sadd(f"_kombu.binding.{QUEUE}", "garbage", f"{QUEUE}\x06\x16\x06\x16elsewhere")
    client.set("_kombu.binding.celery.pidbox", "text")
    client.set("unacked", "text")
    client.set("unacked_index", "text")
    broker.announce([Announcement(1, "echo", Priority.NORMAL)])
    assert broker.depth("echo") == 1
    assert client.exists("elsewhere") == 0


def test_one_line_a_second_shows_a_short_escaped_part_of_what_was_refused(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr("qwenq.store.broker.refusals.time.monotonic", lambda: now)
    refused = Refusals()
    with caplog.at_level(logging.WARNING, "qwenq.broker"):
        for _ in range(1_000):
            refused.note("qwenq.echo", "it is not JSON", b"\x1b[31m\n" + b"\xff" * 10_000)
        now += 1
        refused.note("qwenq.\necho", "it is not JSON", "x\n" * 10_000)
    first, second = caplog.records
    assert (first.refused, second.refused, refused.count) == (1, 1_000, 1_001)  # type: ignore[attr-defined]
    for record in (first, second):
        assert len(record.shown) <= SHOWN_CHARACTERS  # type: ignore[attr-defined]
        assert record.shown.isprintable()  # type: ignore[attr-defined]
        assert record.shown.isascii()  # type: ignore[attr-defined]
        assert "\n" not in record.queue  # type: ignore[attr-defined]


def test_redis_takes_no_message_that_would_fill_a_workers_memory(client: Redis) -> None:
    with pytest.raises((ResponseError, RedisConnectionError)):
        client.lpush(QUEUE, b"x" * 2**21)
    assert client.llen(QUEUE) == 0
