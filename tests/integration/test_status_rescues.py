"""`qwenq status` rescues stranded work, quickly, with or without a broker."""

import sys
from typing import Any

import pytest
from sqlalchemy import update

from qwenq.actions.rescuing import Rescuer
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import workers
from qwenq.store.broker.broker import Broker
from qwenq.store.broker.reconcile import announce_job
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import EXPIRED, chunks_of, claim_one, make_job, make_worker
from tests.integration.store.conftest import age, audited_status


@pytest.fixture
def dead(store: Store) -> int:
    """A worker with an old heartbeat."""
    worker_id = make_worker(store)
    with store.writing() as connection:
        connection.execute(update(workers).values(heartbeat_at=now(-600)))
    return worker_id


def flush(broker: Broker) -> None:
    """Lose all messages."""
    with broker.app.connection_for_write() as connection:
        channel: Any = connection.default_channel
        channel.client.flushall()


def test_status_does_not_show_documents_of_a_dead_worker_as_running(
    store: Store, settings: Settings, dead: int
) -> None:
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], dead, EXPIRED)
    assert audited_status(store, job_id).documents.running == 4
    Rescuer(settings).put_back()
    assert (audited_status(store, job_id).documents.running, len(chunks_of(store, job_id))) == (0, 3)


def test_status_leaves_living_claims_alone(store: Store, settings: Settings, dead: int) -> None:
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], dead)
    Rescuer(settings).put_back()
    assert audited_status(store, job_id).documents.running == 4


def test_status_announces_unannounced_chunks(store: Store, settings: Settings, broker: Broker) -> None:
    job_id = make_job(store)
    age(store, job_id, 60)
    assert Rescuer(settings).announce() is None
    assert broker.depth("echo") == 3


def test_status_sends_messages_again_that_redis_lost(
    store: Store, settings: Settings, broker: Broker, dead: int
) -> None:
    job_id = make_job(store)
    announce_job(store, broker, job_id)
    flush(broker)
    age(store, job_id, 60)
    assert Rescuer(settings).announce() is None
    assert broker.depth("echo") == 3


def test_status_leaves_announcing_to_living_workers(store: Store, settings: Settings, broker: Broker) -> None:
    make_worker(store)
    job_id = make_job(store)
    announce_job(store, broker, job_id)
    age(store, job_id, 60)
    flush(broker)
    assert Rescuer(settings).announce() is None
    assert broker.depth("echo") == 0


def test_status_rescues_and_reports_a_broker_that_is_away(
    store: Store, settings: Settings, dead: int
) -> None:
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], dead, EXPIRED)
    age(store, job_id, 60)
    rescuer = Rescuer(settings)
    rescuer.put_back()
    away = rescuer.announce()
    assert away is not None
    assert "does not answer" in away
    assert audited_status(store, job_id).documents.pending == 10


def test_status_without_stranded_work_writes_nothing_and_imports_no_celery(
    store: Store, settings: Settings, dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, held = make_job(store), make_job(store)
    for chunk_id in chunks_of(store, held):
        claim_one(store, chunk_id, dead)
    monkeypatch.setitem(sys.modules, "qwenq.store.broker.broker", None)

    def no_writing(_self: Store) -> None:
        raise AssertionError("a look must not take the write lock")

    monkeypatch.setattr(Store, "writing", no_writing)
    rescuer = Rescuer(settings)
    rescuer.put_back()
    assert rescuer.announce() is None
    with store.reading() as connection:
        status = job_status(connection, fresh)
    assert status is not None
    assert status.documents.pending == 10


def test_a_watched_status_rescues_each_half_lease(store: Store, settings: Settings, dead: int) -> None:
    rescuer = Rescuer(settings.model_copy(update={"lease_seconds": 3_600.0}))
    rescuer.look_sometimes()
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], dead, EXPIRED)
    rescuer.look_sometimes()
    assert audited_status(store, job_id).documents.running == 4
    Rescuer(settings).look_sometimes()
    assert audited_status(store, job_id).documents.running == 0
