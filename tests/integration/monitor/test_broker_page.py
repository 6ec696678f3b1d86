"""What the pages tell of the broker: its queues, and within ten seconds that it is away."""

import html
import re
import time

import pytest

from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.store import Store
from tests.builders import make_job, make_worker
from tests.monitors import Browser, running_monitor
from tests.waiting import eventually

LIVE = {"HX-Request": "true"}
LONGEST_SECONDS = 10.0


def _cells(flower: Browser, queue: str) -> list[str]:
    page = flower.get("/broker", headers=LIVE).text
    found = re.search(rf'<tr id="{re.escape(queue)}">.*?</tr>', page, re.DOTALL)
    assert found, queue
    return [html.unescape(cell) for cell in re.findall(r">([^<>]+)</t[hd]>", found[0])]


def test_every_queue_of_every_model_is_listed(
    flower: Browser, watched: Settings, watched_store: Store
) -> None:
    waiting = make_job(watched_store, model="Qwen/Qwen3-8B")
    make_worker(watched_store, model="models/idle")
    with Broker(watched) as broker:
        announce_job(watched_store, broker, waiting)
        messages = broker.depth("Qwen/Qwen3-8B")
    assert "qwenq.ops" in flower.get("/broker").text
    expected = ["qwenq.Qwen--Qwen3-8B", "Qwen/Qwen3-8B", str(messages), "3", "0"]
    eventually(lambda: _cells(flower, "qwenq.Qwen--Qwen3-8B") == expected, "its messages are counted")
    assert _cells(flower, "qwenq.models--idle")[1:] == ["models/idle", "0", "0", "1"]


@pytest.mark.parametrize("broker", ["refuses", "is silent"])
def test_a_broker_that_is_away_is_told_on_every_page(
    watched: Settings, watched_store: Store, deaf_server: int, broker: str
) -> None:
    job_id = make_job(watched_store)
    port = 1 if broker == "refuses" else deaf_server
    address = f"redis://127.0.0.1:{port}/0"
    with running_monitor(watched.model_copy(update={"broker_url": address})) as flower:
        began = time.monotonic()
        told = f"The broker at {address} does not answer as it should"
        for path in ("/jobs", f"/jobs/{job_id}", "/fleet", "/broker"):
            eventually(lambda path=path: told in flower.get(path).text, f"{path} tells it")  # type: ignore[misc]
            assert broker == "is silent" or "(<code>qwenq up</code> starts" in flower.get(path).text
        assert time.monotonic() - began < LONGEST_SECONDS
