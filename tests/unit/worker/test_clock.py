"""Beat's clock says once that the broker is away, and once that it is back."""

from typing import Any

import pytest
from celery import Celery
from celery.beat import ScheduleEntry
from celery.schedules import schedule

from qwenq.worker.parent.clock import Clock


def test_an_outage_of_the_broker_is_one_line_and_its_end_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = Celery(broker="redis://user:secret@127.0.0.1:9/0", set_as_current=False)
    clock = Clock(app=app, lazy=True)
    entry = ScheduleEntry("duty", "duty", schedule=schedule(5.0), app=app)
    sent: list[str] = []

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    def send(task: str, *_: Any, **__: Any) -> None:
        sent.append(task)

    with caplog.at_level("INFO"):
        monkeypatch.setattr(clock, "send_task", refuse)
        for _ in range(3):
            clock.apply_entry(entry)
        monkeypatch.setattr(clock, "send_task", send)
        for _ in range(2):
            clock.apply_entry(entry)
    assert [record.getMessage() for record in caplog.records] == ["broker.away", "broker.back"]
    reason = caplog.records[0].__dict__["reason"]
    assert "connection refused" in reason
    assert "secret" not in reason
    assert sent == ["duty", "duty"]
