"""What Flower hears of workers: it ends with Flower, and goes on soon after a broker that was away."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenq.embedded.redis import start_redis
from qwenq.schemas.log.events import Event
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from tests.monitors import Browser, running_monitor
from tests.waiting import eventually


@pytest.fixture
def watched(tmp_path: Path, sqlite_url: str) -> Settings:
    return Settings(home=tmp_path / "home", database_url=sqlite_url)


@pytest.fixture
def celery(watched: Settings) -> Iterator[Broker]:
    with Broker(watched) as broker:
        yield broker


def _hears(flower: Browser, broker: Broker, worker: str) -> bool:
    """Whether Flower hears of a worker whose heart beats now."""
    with broker.app.events.default_dispatcher(hostname=worker) as events:
        events.send("worker-heartbeat", freq=2)
    return f'flower_worker_online{{worker="{worker}"}}' in flower.get("/metrics").text


def _told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What our thread said; Flower's own inspectors may still give up on workers meanwhile."""
    return [record for record in caplog.records if record.name == "qwenq.monitor"]


def test_a_broker_that_was_away_for_long_is_heard_again_within_seconds(
    watched: Settings, celery: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    def told(event: Event) -> int:
        return [record.msg for record in caplog.records].count(event)

    caplog.set_level(logging.INFO, "qwenq.monitor")
    with running_monitor(watched) as flower:
        eventually(lambda: told(Event.BROKER_AWAY), "Flower tells that there is no broker")
        service = start_redis(watched)
        eventually(lambda: told(Event.BROKER_BACK), "Flower finds the broker")
        eventually(lambda: _hears(flower, celery, "one@here"), "Flower hears of a worker")
        service.kill()
        eventually(lambda: told(Event.BROKER_AWAY) == 2, "Flower misses the broker")
        assert flower.get("/jobs").status_code == 200
        service = start_redis(watched)
        eventually(lambda: told(Event.BROKER_BACK) == 2, "Flower finds the broker again")
        eventually(lambda: _hears(flower, celery, "two@here"), "Flower hears of another worker")
    service.kill()


def test_a_flower_that_has_stopped_listens_no_more(
    watched: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with running_monitor(watched) as flower:
        events = flower.monitor.events
        eventually(lambda: _told(caplog), "Flower tells that there is no broker")
        assert events.is_alive()
    caplog.clear()
    eventually(lambda: not events.is_alive(), "its thread ends")
    assert _told(caplog) == []
