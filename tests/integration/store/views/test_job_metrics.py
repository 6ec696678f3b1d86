"""A job's metrics: on both databases equal to figures computed by hand."""

from dataclasses import replace

import pytest

from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.store.database.store import Store
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.jobs.metrics import job_metrics
from tests.builders import MODEL, answer, chunks_of, claim_one, failure, finish, make_job, make_worker


def metrics_of(store: Store, job_id: int) -> JobMetrics:
    with store.reading() as connection:
        found = job_metrics(connection, job_id)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        ([2.0], (2.0, 2.0, 2.0)),
        ([4.0, 1.0], (2.5, 2.5, 3.85)),
        ([float(number) for number in range(20, -1, -1)], (10.0, 10.0, 19.0)),
    ],
    ids=["one", "two", "many"],
)
def test_response_times_are_those_of_the_answers(
    store: Store, took: list[float], expected: tuple[float, float, float]
) -> None:
    job_id = make_job(store, documents=len(took), chunk_documents=100)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [replace(answer(seq), seconds=seconds) for seq, seconds in enumerate(took)])
    found = metrics_of(store, job_id).response_seconds
    assert found is not None
    assert found.answers == len(took)
    assert (found.average, found.p50, found.p95) == pytest.approx(expected)


def test_reused_answers_failures_and_other_jobs_do_not_count(store: Store) -> None:
    worker_id = make_worker(store)
    other = make_job(store, documents=1)
    finish(store, claim_one(store, chunks_of(store, other)[0], worker_id), [replace(answer(0), seconds=99.0)])
    job_id = make_job(store, documents=3)
    claim = claim_one(store, chunks_of(store, job_id)[0], worker_id)
    reused = replace(answer(1), seconds=50.0, reused_from=other)
    finish(store, claim, [replace(answer(0), seconds=1.5), reused, failure(2)])
    found = metrics_of(store, job_id).response_seconds
    assert found is not None
    assert (found.answers, found.average, found.p95) == (1, 1.5, 1.5)


def test_the_devices_work_is_the_sum_of_the_batches(store: Store) -> None:
    job_id = make_job(store)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.writing() as connection:
        first = BatchMetrics(4, 30, 45, 20, 1.0, 1_000, 5_000, prefix_tokens=10, together=8.0)
        second = BatchMetrics(2, 50, 55, 40, 3.0, 3_000, 4_000, prefix_tokens=10, together=4.0)
        insert_batches(connection, claim, MODEL, [first, second])
    work = metrics_of(store, job_id).device
    assert work is not None
    assert (work.batches, work.seconds, work.prompt_tokens, work.completion_tokens) == (2, 4.0, 100, 60)
    assert (work.tokens_per_second, work.padding_waste, work.prefix_reuse) == (15.0, 0.25, 0.2)
    assert (work.together, work.resident_bytes, work.gpu_peak_bytes) == (5.0, 3_000, 5_000)


def test_a_job_without_answers_has_no_figures_and_a_missing_job_no_metrics(store: Store) -> None:
    found = metrics_of(store, make_job(store))
    assert (found.response_seconds, found.device, found.tokens_per_second) == (None, None, None)
    with store.reading() as connection:
        assert job_metrics(connection, 99) is None
