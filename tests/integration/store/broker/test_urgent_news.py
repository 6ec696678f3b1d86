"""Urgent chunks are announced to idle workers by a message, and to busy ones by a channel."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from qwenq.schemas.chunks import Announcement
from qwenq.schemas.errors import BrokerAway
from qwenq.schemas.jobs import Priority
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, socket_path
from qwenq.store.broker.urgent_news import UrgentAnnouncer, urgent_news
from tests.builders import MODEL

SOON, NEVER = 30.0, 0.1


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """No store is needed here."""
    return f"sqlite:///{tmp_path / 'unused.db'}"


@pytest.fixture
def client(settings: Settings, redis: None) -> Iterator[Redis]:
    with Redis(unix_socket_path=socket_path(settings)) as client:
        yield client


def test_busy_workers_of_the_model_are_told_and_idle_ones_get_a_message(broker: Broker) -> None:
    announcer = UrgentAnnouncer(broker)
    with urgent_news(broker, MODEL) as told, urgent_news(broker, "another") as told_others:
        assert not told(NEVER)
        announcer.announce(Announcement(1, MODEL, Priority.HIGH))
        assert told(SOON)
        assert not told_others(NEVER)
    assert broker.depth(MODEL) == 1


def test_a_connection_that_was_closed_meanwhile_is_made_anew(broker: Broker, client: Redis) -> None:
    announcer = UrgentAnnouncer(broker)
    announcer.announce(Announcement(1, MODEL, Priority.HIGH))
    assert client.client_kill_filter(_type="normal", skipme=True)
    announcer.announce(Announcement(2, MODEL, Priority.HIGH))
    assert broker.depth(MODEL) == 2


def test_a_broker_that_is_away_is_not_tried_again_at_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Broker(settings) as broker:
        announcer = UrgentAnnouncer(broker)
        with pytest.raises(BrokerAway):
            announcer.announce(Announcement(1, MODEL, Priority.HIGH))
        monkeypatch.setattr(broker, "announce", lambda *_: pytest.fail("it is tried again"))
        with pytest.raises(BrokerAway):
            announcer.announce(Announcement(1, MODEL, Priority.HIGH))
