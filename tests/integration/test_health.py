"""`qwenq health` against real services: each check fails for a real reason, and nothing waits for what is away."""

import json
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text, update

from qwenq.cli.services.health import command
from qwenq.health import examining
from qwenq.health.examining import examine
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.schedules import RunPolicy, ScheduledRequest
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import WorkerState
from qwenq.schemas.tables.core import batches, chunks, jobs, workers
from qwenq.schemas.views.health import Check, Health, HealthState
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import moment_of, now
from qwenq.store.database.store import Store
from qwenq.store.life.workers import beat_heart, note_failed
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.schedules.schedules import insert_schedule
from tests.builders import EXPIRED, chunks_of, claim_one, make_job, make_worker
from tests.integration.store.conftest import age

LONG_AGO = -600.0


def checked(settings: Settings, name: str) -> Check:
    """One check."""
    (found,) = [check for check in examine(settings).checks if check.name == name]
    return found


def silence(store: Store, worker_id: int) -> None:
    """Make a worker's last heartbeat old."""
    with store.writing() as connection:
        connection.execute(
            update(workers).where(workers.c.id == worker_id).values(heartbeat_at=now(LONG_AGO))
        )


def test_a_queue_at_rest_is_healthy(store: Store, settings: Settings, broker: Broker) -> None:
    make_worker(store)
    health = examine(settings)
    assert health.state == HealthState.HEALTHY, health
    assert [check.name for check in health.checks] == [
        "store", "broker", "schema", "workers", "stranded", "schedules", "speed", "memory", "disk",
    ]  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_missing_broker_is_reported_and_the_rest_is_checked(store: Store, settings: Settings) -> None:
    settings.home.mkdir()
    health = examine(settings)
    states = {check.name: check.state for check in health.checks}
    assert (health.exit_code, states.pop("broker")) == (2, HealthState.UNHEALTHY)
    assert set(states.values()) == {HealthState.HEALTHY}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_broker_with_little_memory_left_is_reported(settings: Settings, broker: Broker) -> None:
    with broker.client() as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 10_000)
    check = checked(settings, "broker")
    assert check.state == HealthState.DEGRADED
    assert "of its memory is taken" in check.message


def test_a_store_of_another_version_is_reported_and_not_read(store: Store, settings: Settings) -> None:
    with store.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    states = {check.name: check for check in examine(settings).checks}
    assert states["schema"].state == HealthState.UNHEALTHY
    assert "`qwenq db upgrade`" in (states["schema"].recommendation or "")
    assert states["workers"].state == HealthState.UNKNOWN


def test_a_model_with_waiting_chunks_and_no_worker_is_reported(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    make_job(store)
    assert checked(settings, "workers").state == HealthState.HEALTHY
    silence(store, worker_id)
    check = checked(settings, "workers")
    assert check.state == HealthState.UNHEALTHY
    assert check.message.startswith("no worker has the model echo (3 chunks waiting); w@here was last seen ")
    assert "`qwenq up --model echo`" in (check.recommendation or ""), "the embedded broker is not running"


def test_a_worker_that_cannot_reach_the_broker_is_reported(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    with store.writing() as connection:
        beat_heart(connection, worker_id, broker_error="redis://there: invalid password")
    check = checked(settings, "workers")
    assert check.state == HealthState.DEGRADED
    assert check.message == "w@here cannot reach the broker: redis://there: invalid password"
    make_job(store)
    assert checked(settings, "workers").state == HealthState.UNHEALTHY


def test_a_worker_that_is_idle_while_chunks_wait_is_reported(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    make_job(store)
    with store.writing() as connection:
        connection.execute(
            update(workers).where(workers.c.id == worker_id).values(state=WorkerState.READY, name="w@here")
        )
        connection.execute(update(chunks).values(published_at=now(-30.0)))
    assert checked(settings, "workers").state == HealthState.HEALTHY
    with store.writing() as connection:
        connection.execute(update(chunks).values(published_at=now(-50.0)))
    check = checked(settings, "workers")
    assert check.state == HealthState.UNHEALTHY
    assert check.message == "w@here is idle while 3 chunks of its model wait"


def test_a_failed_worker_is_reported_until_another_replaces_it(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    with store.writing() as connection:
        note_failed(connection, worker_id, "no weights here")
    check = checked(settings, "workers")
    assert check.state == HealthState.DEGRADED
    assert "no weights here" in check.message
    make_worker(store, name="next@here")
    assert checked(settings, "workers").state == HealthState.HEALTHY


def test_an_overdue_schedule_is_reported(store: Store, settings: Settings) -> None:
    assert checked(settings, "schedules").state == HealthState.HEALTHY
    request = ScheduledRequest(inputs=("in.jsonl",), spec=JobSpec(model="echo"))
    with store.writing() as connection:
        overdue = moment_of(connection) - timedelta(minutes=5)
        due = ("0 2 * * *", "UTC", overdue)
        insert_schedule(connection, "nightly", due, request, RunPolicy(output="o.jsonl"), None)
    check = checked(settings, "schedules")
    assert (check.state, "`qwenq beat`" in (check.recommendation or "")) == (HealthState.UNHEALTHY, True)


def test_each_kind_of_stranded_work_is_reported(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    assert checked(settings, "stranded").state == HealthState.HEALTHY
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], worker_id, 20 * EXPIRED)
    age(store, job_id, 600)
    half = make_job(store, released=False)
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == half).values(holder_expires_at=now(LONG_AGO)))
    check = checked(settings, "stranded")
    assert check.state == HealthState.DEGRADED
    for told in ("lost workers hold 1 chunk", "2 chunks stored and never announced", f"({half})"):
        assert told in check.message


def test_a_worker_that_became_slow_is_reported(store: Store, settings: Settings) -> None:
    worker_id = make_worker(store)
    claim = claim_one(store, chunks_of(store, make_job(store))[0], worker_id)

    def measured(seconds: float) -> BatchMetrics:
        return BatchMetrics(1, 10, 10, 100, seconds, 0, 0)

    with store.writing() as connection:
        insert_batches(connection, claim, "echo", [measured(1.0)] * 30)
        connection.execute(update(batches).values(finished_at=now(LONG_AGO)))
        insert_batches(connection, claim, "echo", [measured(3.0)] * 6)
    check = checked(settings, "speed")
    assert check.state == HealthState.DEGRADED
    assert "33 tokens/s, its median was 100" in check.message


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


def test_health_does_not_wait_for_services_that_never_answer(
    silent_server: int, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examining, "PATIENCE_SECONDS", 0.5)
    away = settings.model_copy(
        update={
            "database_url": f"postgresql://ann:hidden-word@127.0.0.1:{silent_server}/qwenq",
            "broker_url": f"redis://127.0.0.1:{silent_server}/0",
        }
    )
    started = time.monotonic()
    health = examine(away)
    assert time.monotonic() - started < 8, "as long as PostgreSQL's own client waits"
    states = {check.name: check.state for check in health.checks}
    assert (states["store"], states["broker"]) == (HealthState.UNHEALTHY, HealthState.UNHEALTHY)
    assert "hidden-word" not in health.model_dump_json()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_health_prints_recommendations_and_exits_with_its_state(
    store: Store, settings: Settings, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QWENQ_HOME", str(settings.home))
    monkeypatch.setenv("QWENQ_DATABASE_URL", settings.database_url or "")
    make_job(store)
    told = CliRunner().invoke(command, [], standalone_mode=False)
    assert told.return_value == 2
    assert "✗ workers" in told.output
    assert "→ Start one for each such model: `qwenq worker --model echo`." in told.output
    shown = CliRunner().invoke(command, ["--json"], standalone_mode=False)
    assert Health.model_validate({"checks": json.loads(shown.output)["checks"]}).exit_code == 2
    chosen = CliRunner().invoke(command, ["--only", "store", "--only", "schema"], standalone_mode=False)
    assert (chosen.return_value, len(chosen.output.splitlines())) == (0, 3)
    assert CliRunner().invoke(command, ["--only", "weather"]).exit_code == 2


def test_health_creates_no_home_or_store(settings: Settings) -> None:
    fresh = settings.model_copy(update={"database_url": None})
    store = checked(fresh, "store")
    assert store.state == HealthState.UNHEALTHY
    assert "`qwenq up --model MODEL` makes it" in (store.recommendation or "")
    assert not settings.home.exists()
