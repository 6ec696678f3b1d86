"""Workers as the store knows them: registered, alive, stopping, or without their model."""

import pytest
from sqlalchemy import update

from qwenq.schemas.requests import ModelInfo
from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import workers
from qwenq.schemas.workers import LoadProgress, LoadStage, MemoryTaken, Worker, WorkerIdentity
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.workers import (
    beat_heart,
    note_failed,
    note_loading,
    note_model_loaded,
    note_stopped,
    note_stopping,
    note_unfit,
    register_worker,
)
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.store.views.fleet.workers import count_alive, device_of, find_worker, worker_of_process
from qwenq.store.views.jobs.statuses import job_status, job_statuses
from tests.builders import MODEL, make_job

IDENTITY = WorkerIdentity("echo-7@host", "host", 7, MODEL)
INFO = ModelInfo(MODEL, "cpu", "float32", context=512, parameters=8 * 10**9, load_seconds=1.5)


@pytest.fixture
def worker_id(store: Store) -> int:
    with store.writing() as connection:
        return register_worker(connection, IDENTITY)


def test_a_worker_begins_without_its_model(store: Store, worker_id: int) -> None:
    worker = _worker(store, worker_id)
    assert (worker.name, worker.host, worker.pid, worker.model) == ("echo-7@host", "host", 7, MODEL)
    assert (worker.state, worker.loads, worker.error) == (WorkerState.STARTING, 0, None)
    assert worker.heartbeat_at >= worker.started_at


def test_each_load_of_the_model_is_counted(store: Store, worker_id: int) -> None:
    for _ in range(2):
        with store.writing() as connection:
            note_model_loaded(connection, worker_id, INFO)
    worker = _worker(store, worker_id)
    assert (worker.state, worker.loads) == (WorkerState.READY, 2)
    with store.reading() as connection:
        kept = connection.execute(workers.select()).one()
    assert (kept.device, kept.dtype, kept.context, kept.parameters) == ("cpu", "float32", 512, 8 * 10**9)


@pytest.mark.parametrize("ending", ["loaded", "failed"])
def test_jobs_and_the_fleet_show_how_far_a_model_is_until_it_is_loaded(
    store: Store, worker_id: int, ending: str
) -> None:
    job_id, other = make_job(store, model=MODEL), make_job(store, model="another")
    progress = LoadProgress(LoadStage.DOWNLOADING, 3 * 2**30, 16 * 2**30, 240.0)
    with store.writing() as connection:
        note_loading(connection, worker_id, progress)
    with store.reading() as connection:
        waiting = {status.id: status.loading for status in job_statuses(connection, 10)}
        assert waiting == {job_id: progress, other: None}
        assert [worker.loading for worker in read_fleet(connection, 0).workers] == [progress]
    with store.writing() as connection:
        if ending == "loaded":
            note_model_loaded(connection, worker_id, INFO)
        else:
            note_failed(connection, worker_id, "it is gone")
    with store.reading() as connection:
        status = job_status(connection, job_id)
        assert status is not None
        assert status.loading is None
        assert [worker.loading for worker in read_fleet(connection, 0).workers] == [None]


def test_a_worker_that_cannot_answer_with_its_model_has_failed_and_says_why(
    store: Store, worker_id: int
) -> None:
    with store.writing() as connection:
        note_unfit(connection, worker_id, "it computes no numbers")
    worker = _worker(store, worker_id)
    assert (worker.state, worker.loads) == (WorkerState.FAILED, 1)
    assert "it computes no numbers" in str(worker.failure)
    assert "cannot be loaded" not in str(worker.failure)


def test_heartbeats_note_memory_and_loading_notes_the_speed(store: Store, worker_id: int) -> None:
    with store.writing() as connection:
        assert device_of(connection, worker_id) is None
        note_model_loaded(connection, worker_id, INFO, tokens_per_second=12.5)
        beat_heart(connection, worker_id, MemoryTaken(resident=1, gpu=2, gpu_total=3), "refused")
    with store.reading() as connection:
        kept = connection.execute(workers.select()).one()
        assert device_of(connection, worker_id) == "cpu"
    held = (kept.resident_bytes, kept.gpu_bytes, kept.gpu_total_bytes, kept.check_tokens_per_second)
    assert (held, kept.broker_error) == ((1, 2, 3, 12.5), "refused")


def test_a_model_loaded_late_does_not_cancel_a_stop(store: Store, worker_id: int) -> None:
    with store.writing() as connection:
        note_stopping(connection, worker_id)
        note_model_loaded(connection, worker_id, INFO)
    assert (_worker(store, worker_id).state, _worker(store, worker_id).loads) == (WorkerState.STOPPING, 1)
    with store.writing() as connection:
        note_stopped(connection, worker_id)
    assert _worker(store, worker_id).state == WorkerState.STOPPED


def test_a_worker_without_its_model_stays_failed_when_it_ends(store: Store, worker_id: int) -> None:
    with store.writing() as connection:
        note_failed(connection, worker_id, "there is no config.json")
        note_stopping(connection, worker_id)
        note_stopped(connection, worker_id)
    worker = _worker(store, worker_id)
    assert (worker.state, worker.error) == (WorkerState.FAILED, "there is no config.json")


def test_a_heartbeat_moves_forward_and_is_the_workers_own(store: Store, worker_id: int) -> None:
    with store.writing() as connection:
        other_id = register_worker(connection, IDENTITY)
        connection.execute(update(workers).values(heartbeat_at=now(-60)))
    before = _worker(store, other_id).heartbeat_at
    with store.writing() as connection:
        beat_heart(connection, worker_id)
    assert (_worker(store, worker_id).heartbeat_at - before).total_seconds() >= 60
    assert _worker(store, other_id).heartbeat_at == before


def test_workers_that_gave_a_sign_of_life_are_counted_by_model(store: Store) -> None:
    with store.writing() as connection:
        ready, _, silent, stopping, other = (
            register_worker(connection, WorkerIdentity("w", "h", 1, model))
            for model in (MODEL, MODEL, MODEL, MODEL, "another")
        )
        note_model_loaded(connection, ready, INFO)
        note_model_loaded(connection, other, INFO)
        connection.execute(update(workers).where(workers.c.id == silent).values(heartbeat_at=now(-60)))
        note_stopping(connection, stopping)
        assert count_alive(connection, MODEL, within_seconds=30) == 2
        assert count_alive(connection, MODEL, within_seconds=120) == 3
        assert count_alive(connection, "unknown", within_seconds=30) == 0


def test_a_process_id_finds_its_newest_worker(store: Store) -> None:
    """Process ids recur, on the same machine and on others."""
    identities = [("a", "host", 7), ("b", "host", 7), ("c", "other", 7), ("d", "host", 8)]
    with store.writing() as connection:
        for name, host, pid in identities:
            register_worker(connection, WorkerIdentity(name, host, pid, MODEL))
        found = worker_of_process(connection, "host", 7)
        assert found is not None
        assert found.name == "b"
        assert worker_of_process(connection, "host", 9) is None


def test_a_missing_worker_is_not_found(store: Store) -> None:
    with store.reading() as connection:
        assert find_worker(connection, 4711) is None


def _worker(store: Store, worker_id: int) -> Worker:
    with store.reading() as connection:
        worker = find_worker(connection, worker_id)
    assert worker is not None
    return worker


def test_a_waiting_job_says_why_its_models_worker_failed_until_another_lives(
    store: Store, worker_id: int
) -> None:
    job_id, other = make_job(store, model=MODEL), make_job(store, model="another")
    with store.writing() as connection:
        note_failed(connection, worker_id, "no libtorch.so")
    assert _worker_failures(store, job_id, other) == ["no libtorch.so", None]
    with store.writing() as connection:
        register_worker(connection, IDENTITY)
    assert _worker_failures(store, job_id, other) == [None, None]


def _worker_failures(store: Store, *job_ids: int) -> list[str | None]:
    with store.reading() as connection:
        found = [job_status(connection, job_id) for job_id in job_ids]
    return [None if status is None else status.worker_failure for status in found]
