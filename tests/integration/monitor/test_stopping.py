"""Flower stops even if its store hangs."""

import gc
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from qwenq.access.owner_token import owner_token
from qwenq.schemas.settings import Settings
from tests.monitors import running_monitor
from tests.processes import Fleet
from tests.waiting import eventually


@pytest.fixture
def fleet(home: Path, deaf_server: int) -> Iterator[Fleet]:
    """Starts services whose store accepts connections and never responds."""
    url = f"postgresql://x@127.0.0.1:{deaf_server}/x?connect_timeout=600"
    fleet = Fleet(Settings(home=home, database_url=url))
    yield fleet
    fleet.kill()


def test_flower_stops_when_asked_although_its_store_hangs(fleet: Fleet) -> None:
    flower = fleet.start("flower", "--port", "0")
    place = eventually(
        lambda: re.search(r"Flower at (http://[^/;\s]+)", flower.log.read_text()), "Flower logs its address"
    )
    assert place
    owner = {"Authorization": f"Bearer {owner_token(fleet.settings.home)}"}
    assert "qwenq_store_up 0.0" in requests.get(f"{place[1]}/metrics", headers=owner, timeout=60).text
    flower.ask_to_stop()
    ended = eventually(lambda: [flower.exit_code] if flower.exit_code is not None else [], "Flower ends")
    assert ended == [0]


def test_questions_to_workers_end_with_flower(
    home: Path, sqlite_template: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_monitor(Settings(home=home, database_url=f"sqlite:///{sqlite_template}")) as browser:
        assert browser.get("/healthcheck").status_code == 200
        asking = list(browser.monitor.inspector._inspect_tasks.values())
    assert asking
    assert all(task.done() for task in asking)
    del asking, browser
    gc.collect()
    assert "Task was destroyed" not in caplog.text
