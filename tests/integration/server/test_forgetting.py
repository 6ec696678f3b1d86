"""What is deleted is gone for good: from every table, from the database's file, and from the storage."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from qwenq.schemas.errors import TenantErasing
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.service.stored import KeptBytes, Purpose
from qwenq.schemas.tables.core import documents, jobs, metadata, results
from qwenq.schemas.tables.service import api_batches, files
from qwenq.server import uploading
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.files.stored_files import insert_file
from qwenq.store.life.jobs import create_job
from qwenq.store.tenants.audit import audit_entries
from qwenq.store.tenants.erasing import begin_erasing
from qwenq.store.tenants.tenants import change_tenant
from tests.builders import MODEL
from tests.integration.server.conftest import Desk, jsonl, line

SECRET = "Rumpelstiltskin"
LINE = line("a", messages=[{"role": "user", "content": SECRET * 50}])


def tables_with(store: Store, text: str) -> list[str]:
    """The tables that hold a text somewhere."""
    with store.reading() as connection:
        return [
            table.name
            for table in metadata.sorted_tables
            if any(text in str(tuple(row)) for row in connection.execute(select(table)))
        ]


def files_with(desk: Desk, text: str) -> list[str]:
    """The files of the storage and of an SQLite store that hold a text."""
    desk.caretaker.look()
    folders = [desk.settings.home]
    if desk.store.dialect == "sqlite":
        folders.append(Path(str(desk.store.engine.url.database)).parent)
    found = {path for folder in folders for path in folder.rglob("*") if path.is_file()}
    return sorted(path.name for path in found if text.encode() in path.read_bytes())


def ended(desk: Desk, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """A batch of one line that was answered."""
    batch = desk.create(desk.upload(jsonl(LINE), headers), headers)
    desk.caretaker.look()
    with desk.store.reading() as connection:
        desk.answer(connection.execute(select(func.max(jobs.c.id))).scalar_one())
    desk.caretaker.look()
    found = desk.client.get(f"/v1/batches/{batch['id']}", headers=headers).json()
    assert found["status"] == "completed"
    return dict(found)


def count_of(store: Store) -> tuple[int, ...]:
    """How many jobs, documents and answers there are."""
    with store.reading() as connection:
        tables = (jobs, documents, results)
        return tuple(connection.execute(select(func.count()).select_from(one)).scalar_one() for one in tables)


@pytest.mark.parametrize("which", ["input_file_id", "output_file_id"])
def test_a_deleted_file_takes_the_lines_and_answers_of_an_ended_batch_with_it(desk: Desk, which: str) -> None:
    batch = ended(desk)
    other = ended(desk)
    desk.client.delete(f"/v1/files/{batch[which]}")
    desk.caretaker.look()
    assert count_of(desk.store) == (1, 1, 1)
    desk.client.delete(f"/v1/files/{batch['input_file_id']}")
    desk.client.delete(f"/v1/files/{other['input_file_id']}")
    desk.caretaker.look()
    assert count_of(desk.store) == (0, 0, 0)
    assert (tables_with(desk.store, SECRET), files_with(desk, SECRET)) == ([], [])
    for one in (batch, other):
        assert desk.batch(one["id"]) == one
    assert len(desk.lines_of(other["output_file_id"])) == 1


def test_a_batch_whose_input_is_deleted_goes_on_and_forgets_at_its_end(desk: Desk) -> None:
    batch, job_id = desk.begun(2)
    desk.client.delete(f"/v1/files/{batch['input_file_id']}")
    desk.caretaker.look()
    assert count_of(desk.store) == (1, 2, 0)
    desk.answer(job_id)
    desk.caretaker.look()
    found = desk.batch(batch["id"])
    assert (found["status"], len(desk.lines_of(found["output_file_id"]))) == ("completed", 2)
    assert count_of(desk.store) == (0, 0, 0)


def test_an_input_that_is_deleted_while_it_is_read_fails_the_batch(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = desk.create(desk.upload(jsonl(LINE)))
    read = desk.storage.blocks

    def deleting(file_id: str) -> Any:
        yield from read(file_id)
        desk.client.delete(f"/v1/files/{file_id}")

    monkeypatch.setattr(desk.storage, "blocks", deleting)
    desk.caretaker.look()
    found = desk.batch(batch["id"])
    assert (found["status"], found["errors"]["data"][0]["param"]) == ("failed", "file_id")
    with desk.store.writing() as connection:
        connection.execute(update(jobs).values(holder_expires_at=now(-1.0)))
    desk.caretaker.look()
    assert count_of(desk.store) == (0, 0, 0)


def test_a_deleted_batch_is_gone_with_its_files_and_its_job(desk: Desk) -> None:
    batch = ended(desk)
    route = f"/v1/batches/{batch['id']}"
    assert desk.client.delete(route).json() == {"id": batch["id"], "object": "batch", "deleted": True}
    desk.caretaker.look()
    assert desk.client.delete(route).status_code == desk.client.get(route).status_code == 404
    assert desk.client.get(f"/v1/files/{batch['output_file_id']}").status_code == 404
    assert count_of(desk.store) == (0, 0, 0)
    assert files_with(desk, SECRET) == [batch["input_file_id"]], "the input is a file of its own"
    with desk.store.reading() as connection:
        assert [one.action for one in audit_entries(connection, "local", 60.0)][-1] == "batch.delete"


def test_a_batch_that_runs_is_not_deleted(sqlite_desk: Desk) -> None:
    batch, _ = sqlite_desk.begun(1)
    refused = sqlite_desk.client.delete(f"/v1/batches/{batch['id']}")
    assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")
    assert "Cancel it" in refused.json()["error"]["message"]
    sqlite_desk.client.post(f"/v1/batches/{batch['id']}/cancel")
    sqlite_desk.caretaker.look()
    assert sqlite_desk.client.delete(f"/v1/batches/{batch['id']}").status_code == 200


def test_the_job_of_a_deleted_batch_that_ran_again_is_removed_later(sqlite_desk: Desk) -> None:
    batch = ended(sqlite_desk)
    with sqlite_desk.store.writing() as connection:
        connection.execute(update(jobs).values(state="running", finished_at=None, created_at=now(-100.0)))
        connection.exec_driver_sql("UPDATE chunks SET state = 'running', lease_expires_at = 9e9")
    sqlite_desk.client.delete(f"/v1/batches/{batch['id']}")
    sqlite_desk.caretaker.look()
    assert count_of(sqlite_desk.store)[0] == 1
    with sqlite_desk.store.writing() as connection:
        connection.exec_driver_sql("UPDATE chunks SET state = 'done', lease_expires_at = NULL")
    sqlite_desk.caretaker.forgetter.keep_no_longer()
    sqlite_desk.caretaker.look()
    assert count_of(sqlite_desk.store) == (0, 0, 0)


def test_an_expired_file_takes_the_same_with_it(desk: Desk) -> None:
    batch = ended(desk)
    with desk.store.writing() as connection:
        connection.execute(
            update(files).where(files.c.id == batch["input_file_id"]).values(expires_at=now(-1.0))
        )
    desk.caretaker.look()
    assert count_of(desk.store) == (0, 0, 0)


def test_a_tenant_keeps_files_and_ended_work_no_longer_than_it_is_set_to(desk: Desk) -> None:
    anna = desk.key("acme")
    batch = ended(desk, anna)
    early = desk.upload(b"{}", anna)
    with desk.store.writing() as connection:
        change_tenant(connection, "acme", {"keep_seconds": 7_200})
    late = desk.upload(b"{}", anna)
    for file_id in (early, late):
        file = desk.client.get(f"/v1/files/{file_id}", headers=anna).json()
        assert file["expires_at"] - file["created_at"] == 7_200
    desk.caretaker.forgetter.keep_no_longer()
    assert desk.client.get(f"/v1/batches/{batch['id']}", headers=anna).status_code == 200
    with desk.store.writing() as connection:
        connection.execute(update(api_batches).values(completed_at=now(-7_201.0)))
        old = create_job(connection, JobSpec(model=MODEL, tenant="acme"))
        values = {"state": "completed", "finished_at": now(-7_201.0)}
        connection.execute(update(jobs).where(jobs.c.id == old).values(values))
    desk.caretaker.forgetter.keep_no_longer()
    desk.caretaker.look()
    assert desk.client.get(f"/v1/batches/{batch['id']}", headers=anna).status_code == 404
    assert count_of(desk.store) == (0, 0, 0)
    with desk.store.reading() as connection:
        [deed] = [one for one in audit_entries(connection, "acme", 60.0) if one.action == "batch.delete"]
    assert (deed.who, deed.object) == ("qwenq serve", batch["id"])


def test_nothing_comes_in_for_a_tenant_that_is_being_erased(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = sqlite_desk.key("acme")
    file_id = sqlite_desk.upload(jsonl(LINE), anna)
    sqlite_desk.create(file_id, anna)
    described = uploading._described

    def erasing(*given: Any) -> Any:
        with sqlite_desk.store.writing() as connection:
            begin_erasing(connection, "acme")
        return described(*given)

    monkeypatch.setattr(uploading, "_described", erasing)
    answer = sqlite_desk.client.post(
        "/v1/files", data={"purpose": "batch"}, files={"file": b"{}"}, headers=anna
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
    assert [path.name for path in (sqlite_desk.settings.home / "files").rglob("file-*")] == [file_id]
    sqlite_desk.caretaker.look()
    with pytest.raises(TenantErasing), sqlite_desk.store.writing() as connection:
        create_job(connection, JobSpec(model=MODEL, tenant="acme"))
    with pytest.raises(TenantErasing), sqlite_desk.store.writing() as connection:
        insert_file(connection, KeptBytes("file-x", 0, b""), "acme", "anna", Purpose.BATCH, "x", None)
    assert count_of(sqlite_desk.store)[0] == 0
