"""The fleet: busy, idle and lost workers, earlier ones apart, and speeds of the last hour."""

import pytest
from sqlalchemy import insert, update

from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import batches, workers
from qwenq.schemas.views.fleet import HeldChunk, WorkerCondition
from qwenq.schemas.workers import WorkerIdentity
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.workers import note_failed, register_worker
from qwenq.store.views.fleet.fleet import Fleet, condition_of, read_fleet
from qwenq.store.views.fleet.speeds import STEPS, speeds_by_minute
from tests.builders import EXPIRED, MODEL, answer, chunks_of, claim_one, make_job, make_worker, write

HELD = HeldChunk(1, 1, 1, 4, 0, 60.0)


def test_a_busy_worker_shows_its_chunk_and_progress(store: Store) -> None:
    job_id = make_job(store)
    worker_id = make_worker(store)
    claim = claim_one(store, chunks_of(store, job_id)[0], worker_id)
    write(store, claim, [answer(0)])
    (worker,) = _fleet(store).workers
    assert (worker.id, worker.condition) == (worker_id, WorkerCondition.BUSY)
    (held,) = worker.held
    assert (held.chunk_id, held.job_id, held.attempt) == (claim.chunk_id, job_id, 1)
    assert (held.documents, held.finished) == (4, 1)
    assert held.lease_seconds > 0


def test_a_worker_without_a_chunk_is_idle_and_shows_its_model(store: Store) -> None:
    make_worker(store, name="w@here")
    (worker,) = _fleet(store).workers
    assert (worker.condition, worker.name, worker.model) == (WorkerCondition.IDLE, "w@here", MODEL)
    assert (worker.device, worker.dtype, worker.context, worker.loads) == ("cpu", "float32", 512, 1)
    assert worker.silent_seconds < 60


def test_a_silent_worker_is_lost_whatever_it_holds(store: Store) -> None:
    worker_id = make_worker(store)
    claim_one(store, chunks_of(store, make_job(store))[0], worker_id, EXPIRED)
    _last_heard(store, worker_id, seconds_ago=60)
    (worker,) = _fleet(store).workers
    assert worker.condition == WorkerCondition.LOST
    assert worker.silent_seconds >= 60
    assert worker.held[0].lease_seconds < 0


@pytest.mark.parametrize(
    ("state", "silent_seconds", "condition"),
    [
        (WorkerState.STARTING, 1, WorkerCondition.STARTING),
        (WorkerState.STARTING, 31, WorkerCondition.LOST),
        (WorkerState.READY, 29, WorkerCondition.BUSY),
        (WorkerState.STOPPING, 1, WorkerCondition.STOPPING),
        (WorkerState.STOPPING, 31, WorkerCondition.LOST),
        (WorkerState.STOPPED, 10**6, WorkerCondition.STOPPED),
        (WorkerState.FAILED, 10**6, WorkerCondition.FAILED),
    ],
)
def test_a_silent_worker_is_lost_unless_it_noted_its_end(
    state: WorkerState, silent_seconds: float, condition: WorkerCondition
) -> None:
    assert condition_of(state, silent_seconds, [HELD]) == condition


def test_a_failed_worker_shows_its_error(store: Store) -> None:
    with store.writing() as connection:
        worker_id = register_worker(connection, WorkerIdentity("w", "h", 1, MODEL))
        note_failed(connection, worker_id, "there is no config.json")
    (worker,) = _fleet(store).workers
    assert (worker.condition, worker.error) == (WorkerCondition.FAILED, "there is no config.json")


def test_earlier_workers_are_listed_apart(store: Store) -> None:
    """Workers that stopped properly show for some hours."""
    hour, day = 3_600, 86_400
    ages = {
        "now": 0,
        "stopped lately": hour / 2,
        "stopped": hour * 2,
        "lost": hour * 2,
        "lost long ago": day * 2,
    }
    for name, seconds_ago in ages.items():
        worker_id = make_worker(store, name=name)
        _last_heard(store, worker_id, seconds_ago)
        if name.startswith("stopped"):
            with store.writing() as connection:
                stopped = update(workers).where(workers.c.id == worker_id)
                connection.execute(stopped.values(state=WorkerState.STOPPED))
    fleet = _fleet(store)
    assert [worker.name for worker in fleet.workers] == ["lost", "stopped lately", "now"]
    assert [worker.name for worker in fleet.earlier] == ["lost long ago", "stopped"]
    assert fleet.earlier_count == 2


def test_only_the_newest_earlier_workers_are_listed(store: Store) -> None:
    for _ in range(4):
        _last_heard(store, make_worker(store), seconds_ago=10**6)
    with store.reading() as connection:
        fleet = read_fleet(connection, most_earlier=3)
    assert (len(fleet.earlier), fleet.earlier_count) == (3, 4)


def test_speeds_of_the_last_hour_come_by_the_minute_with_padding_waste(store: Store) -> None:
    quick, slow, quiet = (make_worker(store) for _ in range(3))
    with store.writing() as connection:
        connection.execute(update(workers).values(started_at=now(-2 * 3_600)))
    job_id = make_job(store)
    _measure(store, job_id, quick, seconds_ago=300, new_tokens=600, prompt_tokens=100, padded_tokens=150)
    _measure(store, job_id, slow, seconds_ago=300, new_tokens=60, prompt_tokens=0, padded_tokens=0)
    _measure(store, job_id, slow, seconds_ago=3 * 3_600, new_tokens=6_000, prompt_tokens=1, padded_tokens=1)
    with store.reading() as connection:
        speeds = speeds_by_minute(connection, [quick, slow, quiet])
        assert speeds_by_minute(connection, []) == {}
    assert set(speeds) == {quick, slow}
    assert len(speeds[quick]) == len(speeds[slow]) == STEPS
    assert sorted(point.tokens_per_second or 0 for point in speeds[quick])[-2:] == [0, 10]
    assert sum(point.tokens_per_second or 0 for point in speeds[slow]) == 1
    assert None not in {point.tokens_per_second for point in (*speeds[quick], *speeds[slow])}
    assert [point.padding_waste for point in speeds[quick] if point.padding_waste is not None] == [0.5]
    assert {point.padding_waste for point in speeds[slow]} == {None}


def test_before_its_start_a_worker_has_no_speed_instead_of_zero(store: Store) -> None:
    worker_id = make_worker(store)
    with store.writing() as connection:
        connection.execute(update(workers).values(started_at=now(-20.5 * 60)))
    _measure(store, make_job(store), worker_id, 300, new_tokens=600, prompt_tokens=1, padded_tokens=1)
    with store.reading() as connection:
        speeds = [point.tokens_per_second for point in speeds_by_minute(connection, [worker_id])[worker_id]]
    unknown = speeds.count(None)
    assert unknown in {39, 40}
    assert speeds[:unknown] == [None] * unknown
    assert sum(speed or 0 for speed in speeds) == 10


def _fleet(store: Store) -> Fleet:
    with store.reading() as connection:
        return read_fleet(connection, most_earlier=50)


def _last_heard(store: Store, worker_id: int, seconds_ago: float) -> None:
    with store.writing() as connection:
        silent = update(workers).where(workers.c.id == worker_id)
        connection.execute(silent.values(heartbeat_at=now(-seconds_ago)))


def _measure(store: Store, job_id: int, worker_id: int, seconds_ago: float, **tokens: int) -> None:
    measured = {"rows": 1, "seconds": 1, "tokens_per_second": 1, "resident_bytes": 1, "gpu_peak_bytes": 0}
    whose = {"job_id": job_id, "chunk_id": 1, "worker_id": worker_id, "model": MODEL}
    with store.writing() as connection:
        connection.execute(
            insert(batches).values(finished_at=now(-seconds_ago), **measured, **whose, **tokens)
        )
