"""The broker is away or loses messages; work goes on."""

import pytest
import redis as redis_client

from qwenq.embedded.redis import start_redis
from qwenq.producer.enqueuing import enqueue_job
from qwenq.schemas.documents import Document
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker, socket_path
from qwenq.store.database.store import Store
from qwenq.store.views.fleet.fleet import read_fleet
from qwenq.worker.engines.factory import try_engine
from qwenq.worker.parent.housekeeping import Housekeeping
from tests.builders import make_worker
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually


def test_a_job_submitted_while_the_broker_is_away_is_answered_when_it_is_back(
    store: Store, settings: Settings
) -> None:
    rows = [Document(f"d{place}", 0, place + 1, '{"text": "hello"}') for place in range(10)]
    settings.home.mkdir(parents=True)
    with Broker(settings) as broker:
        submission = enqueue_job(store, broker, settings, JobSpec(model="echo", sources=("x",)), rows)
        assert submission.unannounced is not None
        assert "does not answer" in submission.unannounced
        service = start_redis(settings)
        fleet = Fleet(settings)
        try:
            fleet.start("worker", "--model", "echo")
            status = Jobs(store, broker, settings).wait_until_ended(submission.job_id)
            assert status.documents.succeeded == 10
        finally:
            fleet.kill()
            service.ask_to_stop()
            service.wait_until_stopped(30)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_messages_lost_by_a_flushed_redis_are_sent_again(
    fleet: Fleet, jobs: Jobs, settings: Settings
) -> None:
    job = jobs.submit(["one", "two", "three"], model="echo", chunk_documents=1)
    with redis_client.Redis(unix_socket_path=socket_path(settings)) as client:
        client.flushall()
    fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(job.job_id).documents.succeeded == 3


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_cannot_reach_the_broker_says_so_with_its_heartbeat(
    store: Store, settings: Settings
) -> None:
    settings.home.mkdir(parents=True)
    worker_id = make_worker(store)

    def told() -> str | None:
        with store.reading() as connection:
            (worker,) = read_fleet(connection, 0).workers
        return worker.broker_error

    with Broker(settings) as broker, Housekeeping(store, broker, settings, worker_id, try_engine):
        reason = eventually(told, "the worker says why")
    assert reason is not None
    assert reason.startswith(f"{broker.url} does not answer as it should: ")
