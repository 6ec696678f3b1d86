"""The broker: messages that carry ids and nothing else, in the order of their jobs' priority."""

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

import pytest
from kombu import Queue
from redis import Redis

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.errors import BrokerAway, InvalidSetting
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, broker_url, queue_name, socket_path
from qwenq.store.broker.task_messages import OPS_QUEUE
from tests.builders import MODEL

SOON = 2.0  # seconds: nothing is slept through before a second try


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """No store is needed here."""
    return f"sqlite:///{tmp_path / 'unused.db'}"


@pytest.fixture
def client(settings: Settings, redis: None) -> Iterator[Redis]:
    with Redis(unix_socket_path=socket_path(settings)) as client:
        yield client


def notice(chunk_id: int, priority: Priority = Priority.NORMAL, model: str = MODEL) -> Announcement:
    return Announcement(chunk_id, model, priority)


def test_a_message_names_its_chunk_and_nothing_else(broker: Broker, client: Redis) -> None:
    broker.announce([notice(4711)])
    (key,) = [key for key in client.keys("qwenq.*") if client.type(key) == b"list"]
    (raw,) = client.lrange(key, 0, -1)
    message = json.loads(raw)
    arguments, keywords, _ = json.loads(base64.b64decode(message["body"]))
    assert (arguments, keywords) == ([4711], {})
    headers = message["headers"]
    assert (headers["task"], headers["argsrepr"]) == ("qwenq.answer_chunk", "(chunk 4711)")
    assert message["content-type"] == "application/json"
    assert headers["eta"] is headers["expires"] is None


def test_messages_of_every_priority_count(broker: Broker) -> None:
    assert broker.depth(MODEL) == 0
    broker.announce([notice(number, priority) for number, priority in enumerate(Priority)])
    assert broker.depth(MODEL) == 3
    assert broker.depth("another") == 0


def test_messages_of_urgent_jobs_go_first_and_within_a_priority_the_oldest(broker: Broker) -> None:
    low, normal, high = Priority.LOW, Priority.NORMAL, Priority.HIGH
    for chunk_id, priority in enumerate((low, normal, high, low, high, normal)):
        broker.announce([notice(chunk_id, priority)])
    assert _drain(broker) == [2, 4, 1, 5, 0, 3]


def test_many_questions_to_workers_at_once_all_end(broker: Broker) -> None:
    replies: SimpleQueue[object] = SimpleQueue()

    def ask() -> None:
        replies.put(broker.app.control.ping(timeout=0.5))

    for _ in range(24):
        # Threads that are blocked for good would keep pytest from ending, unless they are daemons.
        Thread(target=ask, daemon=True).start()
    assert [replies.get(timeout=60) for _ in range(24)] == [[]] * 24
    broker.announce([notice(1)])


def test_each_model_has_a_queue_of_its_own(broker: Broker) -> None:
    broker.announce([notice(1, model="a/b"), notice(2, model="/models/b"), notice(3, model="a/b")])
    assert (broker.depth("a/b"), broker.depth("/models/b")) == (2, 1)


def test_a_broker_that_is_away_says_so_at_once(settings: Settings, tmp_path: Path) -> None:
    with Broker(
        settings.model_copy(update={"broker_url": f"redis+socket://{tmp_path}/nobody.sock"})
    ) as broker:
        began = time.monotonic()
        for attempt in (broker.ping, lambda: broker.announce([notice(1)]), lambda: broker.depth(MODEL)):
            with pytest.raises(BrokerAway, match=r"nobody\.sock"):
                attempt()
        assert time.monotonic() - began < SOON


def test_services_look_for_their_broker_for_as_long_as_it_takes(settings: Settings, tmp_path: Path) -> None:
    class LongEnough(Exception):
        pass

    tries: list[float] = []

    def failed(_error: Exception, interval: float) -> None:
        tries.append(interval)
        if len(tries) > 500:
            raise LongEnough

    app = Broker(settings.model_copy(update={"broker_url": f"redis+socket://{tmp_path}/nobody.sock"})).app
    with app.connection() as connection, pytest.raises(LongEnough):
        connection.ensure_connection(failed, app.conf.broker_connection_max_retries, 0, 0)


def test_a_broker_that_is_away_keeps_its_password(settings: Settings) -> None:
    settings = settings.model_copy(update={"broker_url": "redis://someone:s3cret@127.0.0.1:1/0"})
    with Broker(settings) as broker, pytest.raises(BrokerAway) as away:
        broker.ping()
    assert "s3cret" not in str(away.value)
    assert "127.0.0.1:1" in str(away.value)


def test_a_broker_that_knows_no_such_password_says_what_to_correct(
    settings: Settings, broker: Broker
) -> None:
    with broker.client() as client:
        client.config_set("requirepass", "another")
    with pytest.raises(BrokerAway, match="Correct the user or the password in QWENQ_BROKER_URL"):
        Broker(settings).ping()


@pytest.mark.parametrize("url", ["nonsense://somewhere", "redis://host:port/0"])
def test_an_invalid_broker_url_raises_invalid_setting(settings: Settings, url: str) -> None:
    with pytest.raises(InvalidSetting, match="QWENQ_BROKER_URL"):
        Broker(settings.model_copy(update={"broker_url": url})).ping()


def test_the_path_of_the_embedded_socket_is_short_enough(settings: Settings, tmp_path: Path) -> None:
    deep = settings.model_copy(update={"home": tmp_path / ("long" * 30)})
    other = settings.model_copy(update={"home": tmp_path / ("long" * 31)})
    assert len(socket_path(deep)) <= 100
    assert socket_path(deep) == socket_path(deep) != socket_path(other)
    assert broker_url(deep) == f"redis+socket://{socket_path(deep)}"


ALIKE = [
    "echo", "Echo", "ops", "/ops", "./ops",
    "Qwen/Qwen3-8B", "Qwen/Qwen3-8b", "Qwen--Qwen3-8B", "Qwen-Qwen3-8B", "Qwen/Qwen3--8B", "Qwen3-8B",
    "Qwen/Qwen3-8B/", "/Qwen/Qwen3-8B", "//Qwen/Qwen3-8B", "Qwen/Qwen3 8B", "Qwen/Qwen3\u20118B", "Qwen/Qwen3_8B",
    "/models/a", "/models/a b", "/models/a-b", "/models/ä-b", "/models/ö-b", "/models/a\nb",
    "/one/" + "deep/" * 40 + "model", "/two/" + "deep/" * 40 + "model",
]  # fmt: skip


def test_models_that_look_alike_have_queues_of_their_own() -> None:
    assert len({queue_name(model) for model in ALIKE}) == len(ALIKE)


@pytest.mark.parametrize("model", ALIKE)
def test_a_queue_has_a_plain_name_that_is_not_the_ops_queue(model: str) -> None:
    name = queue_name(model)
    assert re.fullmatch(r"qwenq\.[A-Za-z0-9._-]{1,150}", name)
    assert name != OPS_QUEUE
    assert name == queue_name(model)


def test_a_hub_id_can_be_read_from_its_queue() -> None:
    assert queue_name("Qwen/Qwen3-8B") == "qwenq.Qwen--Qwen3-8B"


def _drain(broker: Broker) -> list[int]:
    """Receive all messages as a worker does. Returns their chunks."""
    taken = []
    with broker.app.connection_for_read() as connection:
        queue = Queue(queue_name(MODEL), channel=connection.default_channel)
        while message := queue.get(no_ack=True):
            taken.append(message.payload[0][0])
    return taken
