"""A message is acknowledged only when its chunk is finished in the store."""

import json
import re

import redis as redis_client
from sqlalchemy import update

from qwenq.schemas.settings import Settings
from qwenq.schemas.states import ChunkState
from qwenq.schemas.tables.core import chunks
from qwenq.store.broker.broker import socket_path
from qwenq.store.database.clock import now
from tests.audit import audit
from tests.builders import chunks_of
from tests.chaos.world.servers import PostgresServer
from tests.integration.trouble.conftest import Start
from tests.integration.trouble.slow_worker import texts
from tests.integration.trouble.test_postgres_trouble import database_url
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

__all__ = ["database_url"]

DOCUMENTS = 120


def announced(settings: Settings) -> set[int]:
    """The chunks whose messages are in Redis."""
    with redis_client.Redis(unix_socket_path=socket_path(settings), decode_responses=True) as client:
        queued = [message for key in client.scan_iter("qwenq.echo*") for message in client.lrange(key, 0, -1)]
    found = (re.search(r"\(chunk (\d+)\)", json.dumps(json.loads(message))) for message in queued)
    return {int(one.group(1)) for one in found if one}


def test_a_worker_acknowledges_no_message_before_its_chunk_is_stored(
    jobs: Jobs, start: Start, fleet: Fleet, server: PostgresServer, settings: Settings
) -> None:
    worker = start(patience_seconds=1)
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=20)
    jobs.wait_until_working(job.job_id)
    with server.away():
        assert eventually(lambda: worker.service.exit_code, "the worker stops") == 3
    assert "does not answer as it should" in worker.log.strip().splitlines()[-1]
    undone = set(chunks_of(jobs.store, job.job_id)) - set(chunks_of(jobs.store, job.job_id, ChunkState.DONE))
    assert undone
    assert undone <= announced(settings)
    with jobs.store.writing() as connection:
        held = chunks.c.state == ChunkState.RUNNING
        connection.execute(update(chunks).where(held).values(lease_expires_at=now(-1.0)))
    fleet.start("worker", "--model", "echo")
    assert jobs.wait_until_ended(job.job_id).documents.succeeded == DOCUMENTS
    with jobs.store.reading() as connection:
        audit(connection, job.job_id)
