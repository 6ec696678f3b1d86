"""The fleet's page: conditions of workers, the chunks they hold, their last hour."""

import html
import json
import re

import pytest
from sqlalchemy import update

from qwenq.schemas.requests import BatchMetrics, ModelInfo
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import batches, workers
from qwenq.schemas.workers import WorkerIdentity
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.workers import note_failed, note_model_loaded, register_worker
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.fleet import fleet as store_of_fleet
from qwenq.store.views.fleet.fleet import read_fleet
from tests.builders import MODEL, chunks_of, claim_one, make_job, make_worker
from tests.monitors import Browser, running_monitor
from tests.processes import Fleet
from tests.waiting import eventually

LIVE = {"HX-Request": "true"}
SCRIPT = "<script>alert('%s')</script>"
INFO = ModelInfo(MODEL, "cpu", "float32", context=512, parameters=1, load_seconds=0.5)
MEASURED = BatchMetrics(
    rows=4,
    prompt_tokens=100,
    padded_tokens=150,
    new_tokens=600,
    seconds=9,
    resident_bytes=1,
    gpu_peak_bytes=0,
)


def _row(flower: Browser, worker_id: int) -> str:
    """The text of a worker's row."""
    page = flower.get("/fleet?part=workers", headers=LIVE).text
    found = re.search(rf'<tr id="worker-{worker_id}">.*?</tr>', page, re.DOTALL)
    assert found
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", found[0])).split())


def test_an_empty_fleet_shows_how_to_start_a_worker(flower: Browser) -> None:
    page = flower.get("/fleet").text
    assert "qwenq worker --model" in page
    assert "No worker has generated anything in the last hour." in page


def test_a_busy_worker_shows_its_chunk_and_an_idle_one_waits(flower: Browser, watched_store: Store) -> None:
    busy, idle = (make_worker(watched_store, name=name) for name in ("busy@here", "idle@here"))
    job_id = make_job(watched_store)
    claim = claim_one(watched_store, chunks_of(watched_store, job_id)[0], busy)
    with watched_store.writing() as connection:
        memory = {
            "check_tokens_per_second": 99.5,
            "resident_bytes": 2 * 2**30,
            "gpu_bytes": 60 * 2**30,
            "gpu_total_bytes": 80 * 2**30,
        }
        connection.execute(update(workers).where(workers.c.id == busy).values(memory))
    held = f"Job {job_id} , chunk {claim.chunk_id}, attempt 1: 0 of 4; lease"
    assert f"{busy} busy@here busy Generates answers. {held}" in _row(flower, busy)
    assert "healthy echo cpu float32, 100 tokens/s in its self-check 2.0 GiB 60 GiB of 80 GiB" in _row(
        flower, busy
    )
    assert f"{idle} idle@here idle Its model is loaded; it waits for work. healthy" in _row(flower, idle)


def test_markup_from_a_worker_is_shown_as_text(flower: Browser, watched_store: Store) -> None:
    with watched_store.writing() as connection:
        identity = WorkerIdentity(SCRIPT % "name", "h", 1, SCRIPT % "model")
        worker_id = register_worker(connection, identity)
        note_failed(connection, worker_id, SCRIPT % "error")
    assert "<script>alert" not in flower.get("/fleet").text
    row = _row(flower, worker_id)
    assert all(SCRIPT % place in row for place in ("name", "model", "error"))
    assert "failed" in row
    assert "unhealthy" in row


def test_the_last_hour_of_a_worker_is_a_plot_and_a_sentence(flower: Browser, watched_store: Store) -> None:
    worker_id = make_worker(watched_store)
    claim = claim_one(watched_store, chunks_of(watched_store, make_job(watched_store))[0], worker_id)
    with watched_store.writing() as connection:
        insert_batches(connection, claim, MODEL, [MEASURED])
        of_worker = update(batches).where(batches.c.worker_id == worker_id)
        connection.execute(of_worker.values(finished_at=now(-300)))
    part = flower.get("/fleet?part=speeds", headers=LIVE).text
    data = dict(re.findall(r'<figure [^>]*id="plot-([\w-]+)" data-plot="([^"]*)"', part))
    speed, padding = (
        json.loads(html.unescape(data[f"{name}-{worker_id}"]))["values"] for name in ("speed", "padding")
    )
    assert (len(speed), max(one or 0 for one in speed)) == (60, 10)
    assert [share for share in padding if share is not None] == [50]
    assert "On average 50.0 % of the prompts&#x27; tokens, computed for nothing beside them." in part


def test_workers_of_earlier_days_are_folded_away(flower: Browser, watched_store: Store) -> None:
    worker_id = make_worker(watched_store, name="old@here")
    with watched_store.writing() as connection:
        of_old = update(workers).where(workers.c.id == worker_id)
        connection.execute(of_old.values(heartbeat_at=now(-(10**6))))
    today, _, earlier = flower.get("/fleet?part=workers", headers=LIVE).text.partition("<details")
    assert "old@here" not in today
    assert "1 earlier worker" in earlier
    assert "old@here" in earlier


def test_an_unknown_part_of_the_fleet_is_not_found(flower: Browser) -> None:
    assert flower.get("/fleet?part=weather", headers=LIVE).status_code == 404


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_killed_worker_is_shown_as_lost_and_a_busy_one_as_busy(
    settings: Settings, store: Store, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_of_fleet, "ALIVE_SECONDS", 3.0)
    services = [fleet.start("worker", "--model", MODEL) for _ in range(2)]

    def registered() -> dict[int, int] | None:
        with store.reading() as connection:
            by_pid = {worker.pid: worker.id for worker in read_fleet(connection, 0).workers}
        return by_pid if len(by_pid) == len(services) else None

    by_pid = eventually(registered, "both workers are registered")
    assert by_pid is not None
    killed, busy = (by_pid[service.pid] for service in services)
    job_id = make_job(store, documents=8)
    for chunk_id, worker_id in zip(chunks_of(store, job_id), (killed, busy), strict=True):
        claim_one(store, chunk_id, worker_id)
        with store.writing() as connection:
            note_model_loaded(connection, worker_id, INFO)
    with running_monitor(settings) as flower:

        def fares(worker_id: int, words: str) -> None:
            eventually(lambda: words in _row(flower, worker_id), f"worker {worker_id} is shown as{words}")

        fares(killed, " busy Generates answers.")
        services[0].kill()
        fares(killed, " lost No heartbeat for")
        assert "Its chunks go to another worker of its model" in _row(flower, killed)
        fares(busy, " busy Generates answers.")
