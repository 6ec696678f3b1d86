"""The migrations build exactly the tables of the code, and keep the data of an older store."""

from datetime import datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, exc, select, update

import qwenq.schemas.tables.parts
import qwenq.schemas.tables.schedules
import qwenq.schemas.tables.service
import qwenq.schemas.tables.templates  # noqa: F401 - the same
from qwenq import migrations
from qwenq.migrations.command import upgrade
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.states import DocumentState, JobState, StoredDocumentState
from qwenq.schemas.tables.core import SCHEMA_VERSION, documents, metadata
from qwenq.store.database.store import Store
from qwenq.store.database.version import check_version, upgrade_store
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.fleet.workers import find_worker
from qwenq.store.views.jobs.statuses import job_status
from qwenq.store.views.schedules.schedules import all_schedules
from tests.audit import audit
from tests.builders import answer_all
from tests.integration.migrations.conftest import VERSION_TABLE, described
from tests.integration.migrations.first_store import AT, LATER_ROWS, ROWS

BEGINNING = "0001"


def test_alembic_sees_no_difference_between_migrations_and_tables(store: Store) -> None:
    with store.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_migrations_build_what_the_tables_would_build(empty_store: Store) -> None:
    """Names and SQL of constraints, indexes, comments and all else that Alembic does not look at."""
    with empty_store.writing() as connection:
        metadata.create_all(connection)
        created = described(connection)
        metadata.drop_all(connection)
        upgrade(connection)
        assert described(connection) == created
    assert created.keys() == metadata.tables.keys()


def test_described_tables_include_every_kind_of_detail(store: Store) -> None:
    """The comparison of tables is worth only what it includes."""
    with store.reading() as connection:
        chunks = described(connection)["chunks"]
    assert "ck_chunks_done_is_complete" in chunks["checks"]
    assert "succeeded" in chunks["checks"]["ck_chunks_done_is_complete"]
    assert chunks["indexes"]["uq_chunks_job_id_first_seq"]["unique"]
    assert chunks["foreign keys"]["fk_chunks_job_id"]["options"] == {"ondelete": "CASCADE"}
    if store.dialect == "postgresql":
        assert chunks["columns"]["attempt"][-1] == "the fence: only its newest attempt may write"


def test_revisions_are_one_line_and_sort_by_their_numbers() -> None:
    """`check_version` tells older from newer by comparing them."""
    folder = migrations.__path__[0]
    revisions = [script.revision for script in ScriptDirectory(folder).walk_revisions()]
    assert revisions == sorted(revisions, reverse=True)
    assert revisions[0] == SCHEMA_VERSION
    assert revisions[-1] == BEGINNING


@pytest.fixture
def first_store(empty_store: Store) -> Store:
    """A store of the first version that holds data."""
    with empty_store.writing() as connection:
        upgrade(connection, BEGINNING)
        tables = _tables(connection)
        for name, rows in ROWS.items():
            connection.execute(tables[name].insert(), [_storable(connection, row) for row in rows])
    return empty_store


def test_a_store_that_holds_data_keeps_it_through_every_upgrade(first_store: Store) -> None:
    with first_store.reading() as connection:
        before = _contents(connection)
    assert [len(before[name]) for name in ROWS] == [len(rows) for rows in ROWS.values()]
    assert upgrade_store(first_store) == BEGINNING
    check_version(first_store)
    with first_store.reading() as connection:
        after = _contents(connection)
    for name, rows in before.items():
        for old, new in zip(rows, after[name], strict=True):
            kept = old.keys() & new.keys()
            assert {column: new[column] for column in kept} == {column: old[column] for column in kept}


def test_the_code_goes_on_with_an_upgraded_store(first_store: Store) -> None:
    upgrade_store(first_store)
    with first_store.writing() as connection:
        audit(connection, 1)
        assert [(result.text, result.usage.prefix_tokens) for result in results_of(connection, 1)] == [
            ("ö", 0)
        ]
        assert [error.error.code for error in errors_of(connection, 1)] == ["invalid_row"]
        worker = find_worker(connection, 1)
        assert worker is not None
        assert worker.started_at == AT
        assert rescue_expired(connection, max_crashes=2).requeued == 1
    answer_all(first_store, 1, worker.id)
    with first_store.reading() as connection:
        audit(connection, 1)
        status = job_status(connection, 1)
    assert status is not None
    assert (status.state, status.documents.succeeded, status.started_at) == (JobState.COMPLETED, 2, AT)


@pytest.mark.parametrize("revision", sorted(LATER_ROWS))
def test_an_upgrade_keeps_what_a_later_version_added(empty_store: Store, revision: str) -> None:
    with empty_store.writing() as connection:
        upgrade(connection, revision)
        tables = _tables(connection)
        for name, rows in (*ROWS.items(), *LATER_ROWS[revision].items()):
            connection.execute(tables[name].insert(), [_storable(connection, row) for row in rows])
    with empty_store.reading() as connection:
        before = _contents(connection)
    assert upgrade_store(empty_store) == revision
    with empty_store.reading() as connection:
        after = _contents(connection)
    for name, rows in before.items():
        assert [{column: new[column] for column in rows[0]} for new in after[name]] == rows
    check_version(empty_store)


def _tables(connection: Connection) -> dict[str, Table]:
    """The tables as the database has them, whatever the code says."""
    found = MetaData()
    found.reflect(connection)
    return dict(found.tables)


def _storable(connection: Connection, row: dict[str, Any]) -> dict[str, Any]:
    """SQLite keeps times as seconds; a reflected table does not know that."""
    if connection.dialect.name != "sqlite":
        return row
    return {name: value.timestamp() if isinstance(value, datetime) else value for name, value in row.items()}


def _contents(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """The contents of each table, with documents' states as they are stored now."""
    contents = _rows(connection)
    for document in contents["documents"]:
        if document["state"] in (DocumentState.RUNNING, DocumentState.SUCCEEDED):
            document["state"] = DocumentState.PENDING.value
    return contents


def _rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    return {
        name: [dict(row) for row in connection.execute(select(table).order_by(*table.primary_key)).mappings()]
        for name, table in _tables(connection).items()
        if name != VERSION_TABLE
    }


def test_a_stored_document_that_is_answered_or_runs_becomes_pending(first_store: Store) -> None:
    upgrade_store(first_store)
    with first_store.reading() as connection:
        assert [row["state"] for row in _rows(connection)["documents"]] == ["pending", "failed", "pending"]


def test_a_document_state_that_is_only_shown_cannot_be_stored(first_store: Store) -> None:
    upgrade_store(first_store)
    for state in (DocumentState.RUNNING, DocumentState.SUCCEEDED):
        with (
            pytest.raises(exc.IntegrityError, match="ck_documents_state"),
            first_store.writing() as connection,
        ):
            connection.execute(update(documents).where(documents.c.seq == 0).values(state=state))
    for stored in StoredDocumentState:
        with first_store.writing() as connection:
            code = "code" if stored == StoredDocumentState.FAILED else None
            connection.execute(update(documents).values(state=stored, error_code=code))


@pytest.mark.parametrize(("webhook", "notify"), [("https://host/hook", ["https://host/hook"]), (None, [])])
def test_a_schedules_webhook_becomes_the_first_place_of_its_notices(
    empty_store: Store, webhook: str | None, notify: list[str]
) -> None:
    with empty_store.writing() as connection:
        upgrade(connection, "0014")
        row = {
            "id": 1, "name": "nightly", "state": "active", "cron": "0 2 * * *", "timezone": "UTC", "submitter": None,
            "request": {"inputs": ["a.jsonl"], "spec": {"model": "echo"}}, "created_at": AT, "next_due_at": AT,
            "policy": {"output": "out.jsonl", "webhook": webhook},
        }  # fmt: skip
        connection.execute(_tables(connection)["schedules"].insert(), [_storable(connection, row)])
    upgrade_store(empty_store)
    with empty_store.reading() as connection:
        [found] = all_schedules(connection)
    assert found.policy == RunPolicy(output="out.jsonl", notify=tuple(notify))
