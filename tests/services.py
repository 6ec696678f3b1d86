"""Workers and jobs for integration and acceptance tests."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import select

from qwenq.producer.enqueuing import EnqueuedJob, enqueue_job
from qwenq.schemas.documents import Document
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, JobStatus
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.processes import TINY_MODEL, Fleet
from tests.waiting import eventually


@pytest.fixture
def fleet(settings: Settings, redis: None) -> Iterator[Fleet]:
    """Starts workers, beat and Flower, and kills them at the end."""
    fleet = Fleet(settings)
    yield fleet
    fleet.kill()


class Jobs:
    """Submits jobs to the test's store and follows them."""

    def __init__(self, store: Store, broker: Broker, settings: Settings) -> None:
        self.store = store
        self._broker = broker
        self._settings = settings

    def submit(
        self, texts: Iterable[str], model: str = str(TINY_MODEL), chunk_documents: int = 100, **params: object
    ) -> EnqueuedJob:
        """Submit a job with one document a text; its id is `d<place>`."""
        rows = [
            Document(f"d{place}", 0, place + 1, f'{{"text": {_quoted(text)}}}')
            for place, text in enumerate(texts)
        ]
        spec = JobSpec(model=model, sources=("test.jsonl",), params=GenerationParams().overlaid(params))
        settings = self._settings.model_copy(update={"chunk_documents": chunk_documents})
        return enqueue_job(self.store, self._broker, settings, spec, rows)

    def status(self, job_id: int) -> JobStatus:
        """Where a job stands."""
        with self.store.reading() as connection:
            status = job_status(connection, job_id)
        assert status is not None
        return status

    def wait_until_ended(self, job_id: int, seconds: float = 120.0) -> JobStatus:
        """Wait for the end of a job, and return its status."""
        eventually(lambda: self.status(job_id).state.ended, f"job {job_id} ends", seconds)
        return self.status(job_id)

    def wait_until_working(self, job_id: int) -> JobStatus:
        """Wait until some documents are answered and others still run."""

        def working() -> JobStatus | None:
            status = self.status(job_id)
            assert not status.state.ended, "the job ended too early: make it longer"
            return status if status.documents.succeeded and status.documents.running else None

        found = eventually(working, f"job {job_id} is running")
        assert found is not None
        return found

    def wait_until_dropped(self, job_id: int) -> None:
        """Wait until workers have dropped the chunks of a cancelled job, each with its first renewal after the cancel.

        Renewals are counted, not seconds, so that a busy machine changes nothing: it only renews later.
        """
        # The second is of a claim or renewal that began before the cancel, and was committed after it.
        leases: defaultdict[int, set[datetime]] = defaultdict(set)

        def dropped() -> bool:
            with self.store.reading() as connection:
                held = connection.execute(
                    select(chunks.c.id, chunks.c.lease_expires_at).where(
                        chunks.c.job_id == job_id, chunks.c.state == ChunkState.RUNNING
                    )
                ).all()
            for chunk_id, expires_at in held:
                leases[chunk_id].add(expires_at)
                assert len(leases[chunk_id]) <= 2, (
                    f"chunk {chunk_id} was renewed although its job is cancelled"
                )
            return not held

        eventually(dropped, f"workers drop job {job_id}")


def _quoted(text: str) -> str:
    import json

    return json.dumps(text)


@pytest.fixture
def jobs(store: Store, broker: Broker, settings: Settings) -> Jobs:
    """Jobs on the test's services."""
    return Jobs(store, broker, settings)
