"""Celery's events in Flower: reconnecting to a broker, and stopping."""

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


def _receives(flower: Browser, broker: Broker, worker: str) -> bool:
    """Whether Flower receives the heartbeat that is sent here."""
    with broker.app.events.default_dispatcher(hostname=worker) as events:
        events.send("worker-heartbeat", freq=2)
    return f'flower_worker_online{{worker="{worker}"}}' in flower.get("/metrics").text


def _logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What qwenq's thread logged. Flower's own inspectors may still log timeouts meanwhile."""
    return [record for record in caplog.records if record.name == "qwenq.monitor"]


def test_events_resume_within_seconds_once_the_broker_is_back(
    watched: Settings, celery: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    def logged(event: Event) -> int:
        return [record.msg for record in caplog.records].count(event)

    caplog.set_level(logging.INFO, "qwenq.monitor")
    with running_monitor(watched) as flower:
        eventually(lambda: logged(Event.BROKER_AWAY), "Flower logs that the broker is away")
        service = start_redis(watched)
        eventually(lambda: logged(Event.BROKER_BACK), "Flower finds the broker")
        eventually(lambda: _receives(flower, celery, "one@here"), "Flower sees a worker")
        service.kill()
        eventually(lambda: logged(Event.BROKER_AWAY) == 2, "Flower misses the broker")
        assert flower.get("/jobs").status_code == 200
        service = start_redis(watched)
        eventually(lambda: logged(Event.BROKER_BACK) == 2, "Flower finds the broker again")
        eventually(lambda: _receives(flower, celery, "two@here"), "Flower sees another worker")
    service.kill()


def test_stopping_flower_ends_its_event_thread(watched: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with running_monitor(watched) as flower:
        events = flower.monitor.events
        eventually(lambda: _logged(caplog), "Flower logs that the broker is away")
        assert events.is_alive()
    caplog.clear()
    eventually(lambda: not events.is_alive(), "its thread ends")
    assert _logged(caplog) == []
