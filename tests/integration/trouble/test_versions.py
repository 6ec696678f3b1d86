"""A store of another version: every command refuses it, and a worker that runs during an upgrade stops politely."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, text

from qwenq.schemas.tables.core import SCHEMA_VERSION, chunks, workers
from qwenq.store.database.store import Store
from tests.commands import qwenq_here
from tests.integration.test_topology import free_port
from tests.integration.trouble.conftest import Start
from tests.integration.trouble.slow_worker import texts
from tests.processes import Fleet, qwenq, write_jsonl
from tests.services import Jobs
from tests.waiting import eventually

OLDER, NEWER = "0001", "9999"
COMMANDS = (
    ("submit", "docs.jsonl", "--model", "echo"),
    ("status",),
    ("status", "1"),
    ("results", "1"),
    ("cancel", "1"),
    ("pause", "1"),
    ("resume", "1"),
    ("retry", "1"),
    ("worker", "--model", "echo"),
    ("beat",),
    ("up", "--model", "echo"),
    ("run", "docs.jsonl", "--model", "echo", "-o", "out.jsonl"),
    ("db", "check"),
    ("db", "prune"),
)
SERVICES = ("worker", "beat", "up", "run")


def become(store: Store, version: str) -> None:
    """Give the store another version; a later version has columns that this one does not know."""
    with store.writing() as connection:
        if version > SCHEMA_VERSION:
            for table in ("jobs", "documents", "chunks", "results", "workers", "batches"):
                connection.execute(text(f"ALTER TABLE {table} ADD COLUMN later INTEGER"))
        connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_refuses_another_version_and_names_the_command_to_run(
    store: Store, tmp_path: Path, command: tuple[str, ...]
) -> None:
    write_jsonl(tmp_path / "docs.jsonl", [{"text": "hello"}])
    environment = {"QWENQ_DATABASE_URL": f"sqlite:///{store.engine.url.database}"}
    typed = qwenq if command[0] in SERVICES else qwenq_here
    remedies = {OLDER: "Run `qwenq db upgrade`", NEWER: "Install the qwenq that made it"}
    port = ("--port", str(free_port())) if command[0] == "up" else ()
    for version in [NEWER] if command[0] in SERVICES else [OLDER, NEWER]:
        with closing(sqlite3.connect(str(store.engine.url.database))) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        refused = typed(*command, *port, cwd=tmp_path, env=environment)
        assert refused.returncode == 3, refused.stderr
        assert f"has version {version}; this qwenq needs version {SCHEMA_VERSION}" in refused.stderr
        assert remedies[version] in refused.stderr


def test_a_worker_whose_store_is_upgraded_releases_its_chunks_and_stops(jobs: Jobs, start: Start) -> None:
    worker = start()
    job = jobs.submit(texts(200), model="echo", chunk_documents=20)
    jobs.wait_until_working(job.job_id)
    become(jobs.store, NEWER)
    assert eventually(lambda: worker.service.exit_code, "the worker stops", 30) == 3
    assert "Install the qwenq that made it, or a newer one." in worker.log.strip().splitlines()[-1]
    status = jobs.status(job.job_id)
    assert status.documents.running == 0
    assert 0 < status.documents.succeeded < 200
    with jobs.store.reading() as connection:
        assert connection.execute(select(func.max(chunks.c.crashes))).scalar_one() == 0
    assert worker.computed().total() == status.documents.succeeded


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_that_a_prune_removed_stops_with_the_reason(store: Store, start: Start) -> None:
    worker = start()
    eventually(lambda: "ready." in worker.log, "the worker is ready")
    with store.writing() as connection:
        assert connection.execute(delete(workers)).rowcount == 1
    assert eventually(lambda: worker.service.exit_code, "the worker stops", 30) == 3
    # While it was still starting its child, the child's broken pipe may be the last line.
    lines = [line for line in worker.log.splitlines() if "qwenq: " in line]
    assert "Start it again." in lines[-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_beat_whose_store_is_upgraded_stops(store: Store, fleet: Fleet) -> None:
    beat = fleet.start("beat", env={"QWENQ_LEASE_SECONDS": "2"})
    eventually(lambda: "reconciled" in beat.log.read_text(), "beat works")
    become(store, NEWER)
    assert eventually(lambda: beat.exit_code, "beat stops", 30) == 3
    assert "Install the qwenq that made it" in beat.log.read_text()
