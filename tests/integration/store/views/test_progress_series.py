"""Progress over time: every document with an outcome counts once, at its time."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.tables.core import batches, chunks, jobs
from qwenq.schemas.views.progress import Progress
from qwenq.store.database.steps import step_seconds
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.jobs import progress as progress_series
from qwenq.store.views.jobs.progress import MOST_POINTS, job_progress
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import MODEL, answer, chunks_of, claim_one, failure, finish, make_job, make_worker, write

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MEASURED = BatchMetrics(
    rows=4, prompt_tokens=8, padded_tokens=10, new_tokens=100, seconds=1, resident_bytes=1, gpu_peak_bytes=0
)


def test_a_job_before_its_first_claim_has_no_progress_points(store: Store) -> None:
    assert _progress(store, make_job(store)) == Progress()


def test_a_missing_job_has_no_progress_points(store: Store) -> None:
    assert _progress(store, 4711) == Progress()


def test_documents_count_in_the_step_of_their_report_and_tokens_over_a_minute(
    store: Store,
) -> None:
    job_id = _job_of_a_minute(store, documents=8)
    first, second = chunks_of(store, job_id)
    _end(store, first, after=12)
    _end(store, second, after=58)
    _report(store, job_id, first, (5, 2, 100), (12, 2, 300))
    _report(store, job_id, second, (35, 1, 50), (58, 3, 150))
    progress = _progress(store, job_id)
    assert progress.step_seconds == 10
    assert [(point.at - NOON).total_seconds() for point in progress.points] == [0, 10, 20, 30, 40, 50, 60, 60]
    assert [point.documents for point in progress.points] == [0, 2, 4, 4, 5, 5, 8, 8]
    rates = [point.tokens_per_second for point in progress.points]
    assert rates[0] is None
    assert rates[1:] == pytest.approx([100 / 10, 400 / 20, 400 / 30, 450 / 40, 450 / 50, 600 / 60, 600 / 60])


@pytest.mark.parametrize("many", [1, 10**6], ids=["by chunks", "by batches"])
def test_the_last_progress_point_equals_the_status(
    store: Store, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bad rows and early failures are in no batch; a document that was generated again is in two."""
    monkeypatch.setattr(progress_series, "MANY_CHUNKS", many)
    job_id = make_job(store, documents=12, bad={1, 5})
    worker_id = make_worker(store)
    first, second, *_ = chunks_of(store, job_id)
    claim = claim_one(store, first, worker_id)
    for _ in range(2):
        with store.writing() as connection:
            insert_batches(connection, claim, MODEL, [MEASURED])
    finish(store, claim, [answer(0), failure(2), answer(3), answer(4)])
    write(store, claim_one(store, second, worker_id), [answer(6)])
    assert _progress(store, job_id).points[-1].documents == _answered_or_failed(store, job_id) == 7
    with store.writing() as connection:
        cancel_job(connection, job_id)
    assert _progress(store, job_id).points[-1].documents == _answered_or_failed(store, job_id) == 7


def test_the_current_step_has_no_speed(store: Store) -> None:
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    assert [point.tokens_per_second for point in _progress(store, job_id).points] == [None, None]


def test_early_or_late_reports_make_no_jumps_in_the_speed(store: Store) -> None:
    """Reports come ten seconds apart in steps of ten seconds: a step may get two reports, and the next no report."""
    job_id = _job_of_a_minute(store, documents=8)
    first, _ = chunks_of(store, job_id)
    _report(store, job_id, first, *((at, 1, 100) for at in (9.9, 19.9, 30.1, 39.9, 50.1, 59.9)))
    rates = [point.tokens_per_second for point in _progress(store, job_id).points]
    assert [rate for rate in rates[1:] if rate is not None and not 6 < rate < 14] == []


def test_a_speed_is_averaged_over_the_last_minute(store: Store) -> None:
    job_id = _job_of_a_minute(store, documents=8)
    with store.writing() as connection:
        connection.execute(update(jobs).values(finished_at=NOON + timedelta(seconds=120)))
    _report(store, job_id, chunks_of(store, job_id)[0], (5, 1, 600), (95, 1, 60))
    points = {(point.at - NOON).total_seconds(): point for point in _progress(store, job_id).points}
    assert [points[at].tokens_per_second for at in (60, 70, 90, 100, 120)] == [10, 0, 0, 1, 1]


def test_a_report_at_the_end_makes_no_jump_in_the_speed(store: Store) -> None:
    job_id = _job_of_a_minute(store, documents=8)
    with store.writing() as connection:
        connection.execute(update(jobs).values(finished_at=NOON + timedelta(seconds=7_201)))
    _report(store, job_id, chunks_of(store, job_id)[0], (7_150, 1, 600), (7_200.9, 1, 600))
    assert _progress(store, job_id).points[-1].tokens_per_second == pytest.approx(1_200 / 121)


def test_a_job_of_days_has_few_points(store: Store) -> None:
    job_id = _job_of_a_minute(store, documents=4)
    with store.writing() as connection:
        connection.execute(update(jobs).values(finished_at=NOON + timedelta(days=3)))
    progress = _progress(store, job_id)
    assert progress.step_seconds == 3_600
    assert len(progress.points) == 3 * 24 + 2


@pytest.mark.parametrize(
    ("span", "step"), [(0, 10), (1_200, 10), (1_201, 30), (86_400, 1_200), (86_400 * 400, 86_400 * 4)]
)
def test_steps_are_round_and_fill_the_span(span: float, step: float) -> None:
    assert step_seconds(span, MOST_POINTS) == step
    assert span / step <= MOST_POINTS


def _progress(store: Store, job_id: int) -> Progress:
    with store.reading() as connection:
        return job_progress(connection, job_id)


def _answered_or_failed(store: Store, job_id: int) -> int:
    with store.reading() as connection:
        status = job_status(connection, job_id)
    assert status is not None
    return status.documents.succeeded + status.documents.failed


def _job_of_a_minute(store: Store, documents: int) -> int:
    """A job that began at noon and ended a minute later."""
    job_id = make_job(store, documents)
    with store.writing() as connection:
        ended = {"state": "completed", "started_at": NOON, "finished_at": NOON + timedelta(seconds=60)}
        connection.execute(update(jobs).values(ended))
    return job_id


def _end(store: Store, chunk_id: int, after: float) -> None:
    ended = {
        "state": "done",
        "succeeded": chunks.c.documents,
        "finished_at": NOON + timedelta(seconds=after),
    }
    with store.writing() as connection:
        connection.execute(update(chunks).where(chunks.c.id == chunk_id).values(ended))


def _report(store: Store, job_id: int, chunk_id: int, *reports: tuple[float, int, int]) -> None:
    """Batches of a chunk, each as seconds after noon, documents and new tokens."""
    worker_id = make_worker(store)
    claim = {"job_id": job_id, "chunk_id": chunk_id, "worker_id": worker_id, "model": MODEL}
    measured = {"prompt_tokens": 1, "padded_tokens": 1, "seconds": 1, "tokens_per_second": 1}
    held = {"resident_bytes": 1, "gpu_peak_bytes": 0}
    with store.writing() as connection:
        connection.execute(
            insert(batches),
            [
                claim
                | measured
                | held
                | {"finished_at": NOON + timedelta(seconds=after), "rows": rows, "new_tokens": tokens}
                for after, rows, tokens in reports
            ],
        )
