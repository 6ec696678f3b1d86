"""/metrics of a real Flower, read with Prometheus's own parser, with and without a store."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete, update

from qwenq.monitor.metrics import exporter
from qwenq.monitor.metrics.series import SERIES
from qwenq.schemas.chunks import Claim
from qwenq.schemas.measures.answer_seconds import BOUNDS, AnswerSeconds
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import batches, chunks, workers
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.monitoring.batches import SETTLED_SECONDS
from tests.builders import MODEL, answer_all, chunks_of, claim_one, make_job, make_worker
from tests.monitors import Browser, running_monitor

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
TOOK = AnswerSeconds([0, 4] + [0] * 11, 0.6)
BATCH = BatchMetrics(4, 40, 48, 20, 0.5, 1_000, 2_000, prefix_tokens=7, together=3.0, answer_seconds=TOOK)


def samples(flower: Browser) -> Samples:
    """Every sample in /metrics, by name and labels."""
    response = flower.get("/metrics")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found: Samples = {}
    for family in text_string_to_metric_families(response.text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found, f"{key} is given twice"
            found[key] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def grown(before: Samples, after: Samples, name: str, **labels: str) -> float:
    return value(after, name, **labels) - value(before, name, **labels)


@pytest.fixture(scope="module")
def claim(watched_store: Store) -> Claim:
    """A chunk that a worker holds."""
    job_id = make_job(watched_store, documents=4)
    return claim_one(
        watched_store, chunks_of(watched_store, job_id)[0], make_worker(watched_store, name="busy@here")
    )


def measure(store: Store, claim: Claim, *measured: BatchMetrics) -> None:
    """Write batches as a worker does, dated back until they count."""
    with store.writing() as connection:
        insert_batches(connection, claim, MODEL, measured)
        connection.execute(update(batches).values(finished_at=now(-2 * SETTLED_SECONDS)))


def test_metrics_hold_every_series_beside_flowers_own(
    flower: Browser, watched_store: Store, claim: Claim
) -> None:
    with watched_store.writing() as connection:
        connection.execute(update(workers).values(resident_bytes=1, gpu_bytes=2, gpu_total_bytes=3))
    text = flower.get("/metrics").text
    kinds = {family.name: family.type for family in text_string_to_metric_families(text)}
    assert "python_info" in kinds
    assert {name: kind for name, kind in kinds.items() if name.startswith("qwenq_")} == {
        one.name: one.kind for one in SERIES
    }
    found = samples(flower)
    names = {name for name, _ in found}
    for one in SERIES:
        assert names >= set(one.samples), one.name


def test_metrics_have_only_their_declared_labels(flower: Browser, claim: Claim) -> None:
    allowed = {one.name: set(one.labels) for one in SERIES}
    for family in text_string_to_metric_families(flower.get("/metrics").text):
        for sample in family.samples:
            if family.name in allowed:
                assert {*sample.labels} - {"le"} == allowed[family.name], sample.name


def test_gauges_follow_the_store(flower: Browser, watched_store: Store, claim: Claim) -> None:
    before = samples(flower)
    job_id = make_job(watched_store, documents=10)
    after = samples(flower)
    assert grown(before, after, "qwenq_jobs", state="queued") == 1
    assert grown(before, after, "qwenq_documents", state="pending") == 10
    assert grown(before, after, "qwenq_waiting_chunks", model=MODEL) == 3
    answer_all(watched_store, job_id, make_worker(watched_store))
    with watched_store.writing() as connection:
        connection.execute(
            update(chunks).where(chunks.c.job_id == job_id).values(cut=2, empty=2, reasoning_cut=1)
        )
    done = samples(flower)
    assert grown(before, done, "qwenq_waiting_documents", model=MODEL) == 0
    assert grown(before, done, "qwenq_documents", state="succeeded") == 10
    assert grown(before, done, "qwenq_open_documents", state="succeeded") == 0
    assert grown(before, done, "qwenq_incomplete_answers", cause="cut") == 3
    assert grown(before, done, "qwenq_incomplete_answers", cause="no_text") == 3
    assert grown(before, done, "qwenq_chunk_attempts_total") == 3
    assert value(done, "qwenq_store_up") == 1


def test_counters_grow_by_new_batches_and_keep_removed_ones(
    flower: Browser, watched_store: Store, claim: Claim
) -> None:
    before = samples(flower)
    measure(watched_store, claim, BATCH, BATCH)
    after = samples(flower)
    counted = {
        "qwenq_generated_documents_total": 8,
        "qwenq_prompt_tokens_total": 94,
        "qwenq_prefix_tokens_total": 14,
        "qwenq_prompt_cells_total": 96,
        "qwenq_completion_tokens_total": 40,
        "qwenq_device_seconds_total": 1.0,
        "qwenq_generation_seconds_count": 8,
        "qwenq_batch_size_sum": 6,
        "qwenq_batch_size_count": 2,
    }
    assert {name: grown(before, after, name, model=MODEL) for name in counted} == pytest.approx(counted)
    assert grown(before, after, "qwenq_generation_seconds_sum", model=MODEL) == pytest.approx(1.2)
    for le, expected in ((BOUNDS[0], 0), (BOUNDS[1], 8), (BOUNDS[-1], 8)):
        bucket = grown(before, after, "qwenq_generation_seconds_bucket", model=MODEL, le=str(le))
        assert bucket == expected
    with watched_store.writing() as connection:
        connection.execute(delete(batches))
    pruned = samples(flower)
    assert {name: grown(after, pruned, name, model=MODEL) for name in counted} == dict.fromkeys(counted, 0)
    measure(watched_store, claim, replace(BATCH, rows=1))
    assert grown(pruned, samples(flower), "qwenq_generated_documents_total", model=MODEL) == 1


def test_memory_is_exported_for_live_workers_and_lost_ones_are_counted(
    flower: Browser, watched_store: Store
) -> None:
    before = samples(flower)
    for name, silent in (("lives@gpu", 0), ("lost@gpu", 600)):
        worker_id = make_worker(watched_store, name=name)
        with watched_store.writing() as connection:
            connection.execute(
                update(workers)
                .where(workers.c.id == worker_id)
                .values(heartbeat_at=now(-silent), gpu_bytes=5_000, gpu_total_bytes=8_000)
            )
    after = samples(flower)
    assert value(after, "qwenq_worker_gpu_memory_bytes", worker="lives@gpu", model=MODEL) == 5_000
    assert not [labels for _, labels in after if ("worker", "lost@gpu") in labels]
    assert grown(before, after, "qwenq_workers", model=MODEL, condition="lost") == 1


def test_metrics_without_a_store_say_so_and_keep_counters(home: Path) -> None:
    away = Settings(home=home, database_url=f"sqlite:///{home}/away.db")
    with running_monitor(away) as flower:
        found = samples(flower)
    assert value(found, "qwenq_store_up") == 0
    assert [name for name, _ in found if name == "qwenq_jobs"] == []
    assert value(found, "qwenq_chunk_attempts_total") == 0


def test_scrapes_of_a_hanging_store_share_one_thread_and_return_soon(
    home: Path, deaf_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporter, "LONGEST_SECONDS", 0.2)
    url = f"postgresql://x@127.0.0.1:{deaf_server}/x?connect_timeout=2"
    before = set(threading.enumerate())
    with running_monitor(Settings(home=home, database_url=url)) as flower:
        for _ in range(3):
            assert value(samples(flower), "qwenq_store_up") == 0
        begun = set(threading.enumerate()) - before
        assert len([one for one in begun if one.name.startswith("store_")]) == 1
        reading = flower.monitor.exporter._reading
    assert reading is not None
    assert reading.done(), "it ends with Flower"
