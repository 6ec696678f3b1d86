"""A tenant that has its documents sanitized is told what was taken out of them."""

from qwenq.store.tenants.audit import audit_entries
from qwenq.store.tenants.tenants import change_tenant
from tests.integration.server.conftest import Desk, jsonl, line


def test_markup_is_taken_out_only_if_the_tenant_wants_it_and_it_is_told(sqlite_desk: Desk) -> None:
    said = [{"role": "user", "content": "5 < 6 <script>alert(1)</script>"}]
    file_id = sqlite_desk.upload(jsonl(line("a", messages=said), line("b")))
    batches = [sqlite_desk.create(file_id)["id"]]
    sqlite_desk.caretaker.look()
    with sqlite_desk.store.writing() as connection:
        change_tenant(connection, "local", {"sanitizes": True})
    batches.append(sqlite_desk.create(file_id)["id"])
    sqlite_desk.caretaker.look()
    told = [sqlite_desk.batch(batch_id)["sanitized"] for batch_id in batches]
    assert told == [None, {"documents": 1, "removed": {"script": 1}, "custom_ids": ["a"]}]
    with sqlite_desk.store.reading() as connection:
        contents = connection.exec_driver_sql(
            "SELECT content FROM documents WHERE custom_id = 'a' ORDER BY job_id"
        )
        noted = [
            entry.object
            for entry in audit_entries(connection, "local", 60.0)
            if entry.action == "batch.sanitize"
        ]
        assert ["<script>" in content for content in contents.scalars()] == [True, False]
    assert noted == [batches[1]]
