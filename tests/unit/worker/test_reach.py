"""Store and broker going away and coming back is logged once each."""

import logging

import pytest

from qwenq.schemas.errors import BrokerAway, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.worker.reach import Reach


def test_a_service_that_is_away_is_logged_once_and_once_more_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reach = Reach()
    with caplog.at_level(logging.INFO, "qwenq.worker"):
        reach.note_answer(StoreAway)
        for _ in range(3):
            reach.note_away(StoreAway("u", "refused"))
        reach.note_away(BrokerAway("u", "refused"))
        assert reach.broker_error == "u does not answer as it should: refused"
        for _ in range(2):
            reach.note_answer(StoreAway)
        reach.note_answer(BrokerAway)
    logged = [record.msg for record in caplog.records]
    assert reach.broker_error is None
    assert logged == [Event.STORE_AWAY, Event.BROKER_AWAY, Event.STORE_BACK, Event.BROKER_BACK]
