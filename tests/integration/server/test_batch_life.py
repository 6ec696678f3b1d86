"""The life of a batch, step by step, on both databases: its two files hold each of its lines once."""

import os
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import func, select, update

from qwenq.actions.pruning import prune
from qwenq.producer.batch_lines import batch_rows
from qwenq.producer.enqueuing import enqueue_job
from qwenq.schemas.errors import BatchLost
from qwenq.schemas.jobs import JobSpec, TokenUsage
from qwenq.schemas.service.stored import JOB_KEY
from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches, files
from qwenq.store.api_batches.life import hold_to_finalize, hold_to_validate, publish_batch
from qwenq.store.database.clock import now
from tests.builders import MODEL, claim_first, finish
from tests.integration.server.conftest import CHAT, Desk, jsonl, line


def ids(lines: list[dict[str, Any]]) -> list[str]:
    return [one["custom_id"] for one in lines]


def test_a_batch_is_validated_answered_and_published_whole(desk: Desk) -> None:
    bad = line("bad", n=2)
    file_id = desk.upload(b"\xef\xbb\xbf" + jsonl(line("a"), bad) + b"\n \n" + jsonl(line("b")))
    created = desk.create(file_id)
    assert created["status"] == "validating"
    assert created["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    desk.caretaker.look()
    begun = desk.batch(created["id"])
    assert (begun["status"], begun["model"]) == ("in_progress", MODEL)
    assert begun["request_counts"] == {"total": 3, "completed": 0, "failed": 1}
    assert begun["output_file_id"] is begun["usage"] is None
    desk.answer(1)
    desk.caretaker.look()
    ended = desk.batch(created["id"])
    assert ended["status"] == "completed"
    assert ended["request_counts"] == {"total": 3, "completed": 2, "failed": 1}
    assert ended["completed_at"] >= ended["finalizing_at"] >= ended["in_progress_at"] >= ended["created_at"]
    assert (
        ended["usage"]["total_tokens"] == ended["usage"]["input_tokens"] + ended["usage"]["output_tokens"] > 0
    )
    answers, errors = desk.lines_of(ended["output_file_id"]), desk.lines_of(ended["error_file_id"])
    assert ids(answers) == ["a", "b"]
    assert [one["response"]["status_code"] for one in answers] == [200, 200]
    [error] = errors
    assert (error["custom_id"], error["response"]["status_code"]) == ("bad", 400)
    assert "body.n" in error["response"]["body"]["error"]["message"] == error["error"]["message"]


def test_a_batch_whose_lines_all_fail_completes_without_an_output_file(desk: Desk) -> None:
    batch, _ = desk.begun(2, n=2)
    desk.caretaker.look()
    ended = desk.batch(batch["id"])
    assert (ended["status"], ended["output_file_id"]) == ("completed", None)
    assert len(desk.lines_of(ended["error_file_id"])) == ended["request_counts"]["failed"] == 2


def test_two_batches_of_one_file_have_files_of_their_own(desk: Desk) -> None:
    file_id = desk.upload(jsonl(line("a")))
    batches = [desk.create(file_id)["id"] for _ in range(2)]
    desk.caretaker.look()
    for job_id in (1, 2):
        desk.answer(job_id)
    desk.caretaker.look()
    ended = [desk.batch(batch_id) for batch_id in batches]
    assert [one["status"] for one in ended] == ["completed", "completed"]
    assert len({one["output_file_id"] for one in ended}) == 2


def test_a_cancelled_batch_keeps_its_answers_and_names_the_other_lines(desk: Desk) -> None:
    desk.settings = desk.settings.model_copy(update={"chunk_documents": 2})
    desk.caretaker._settings = desk.settings
    batch, job_id = desk.begun(5)
    claim = claim_first(desk.store, job_id, desk.worker_id)
    assert claim is not None
    finish(desk.store, claim)
    held = claim_first(desk.store, job_id, desk.worker_id)
    assert held is not None
    cancelled = desk.client.post(f"/v1/batches/{batch['id']}/cancel").json()
    assert cancelled["status"] == "cancelling"
    assert cancelled["cancelling_at"]
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "cancelling", "a worker still holds a chunk"
    finish(desk.store, held)
    desk.caretaker.look()
    ended = desk.batch(batch["id"])
    assert ended["status"] == "cancelled"
    answers, errors = desk.lines_of(ended["output_file_id"]), desk.lines_of(ended["error_file_id"])
    assert sorted(ids(answers) + ids(errors)) == [f"r{place}" for place in range(5)]
    assert ended["request_counts"] == {"total": 5, "completed": len(answers), "failed": len(errors)}
    assert {one["error"]["code"] for one in errors} == {"batch_cancelled"}
    assert {one["response"] for one in errors} == {None}
    again = desk.client.post(f"/v1/batches/{batch['id']}/cancel")
    assert (again.status_code, again.json()["status"]) == (200, "cancelled")


def test_a_batch_that_is_cancelled_before_it_is_validated_ends_with_all_its_lines(desk: Desk) -> None:
    batch = desk.create(desk.upload(jsonl(line("a"), line("b"))))
    desk.client.post(f"/v1/batches/{batch['id']}/cancel")
    desk.caretaker.look()
    desk.caretaker.look()
    ended = desk.batch(batch["id"])
    assert (ended["status"], ended["output_file_id"]) == ("cancelled", None)
    assert ids(desk.lines_of(ended["error_file_id"])) == ["a", "b"]


def test_a_batch_whose_window_is_over_expires(desk: Desk) -> None:
    batch, _ = desk.begun(2)
    with desk.store.writing() as connection:
        connection.execute(update(api_batches).values(expires_at=now(-1.0)))
    desk.caretaker.look()
    desk.caretaker.look()
    ended = desk.batch(batch["id"])
    assert (ended["status"], ended["expired_at"] is None) == ("expired", False)
    assert [one["error"]["code"] for one in desk.lines_of(ended["error_file_id"])] == ["batch_expired"] * 2


@pytest.mark.parametrize("stored", [False, True], ids=["before the job", "after the job"])
def test_another_process_goes_on_with_a_batch_whose_validator_died(desk: Desk, stored: bool) -> None:
    batch = desk.create(desk.upload(jsonl(line("a"))))
    with desk.store.writing() as connection:
        dead = hold_to_validate(connection, 60.0)
        assert dead is not None
        assert hold_to_validate(connection, 60.0) is None
    if stored:
        spec = JobSpec(
            model=MODEL,
            sources=(batch["input_file_id"],),
            idempotency_key=JOB_KEY + batch["id"],
            tenant="local",
        )
        enqueue_job(desk.store, desk.broker, desk.settings, spec, batch_rows([jsonl(line("a"))]))
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "validating"
    with desk.store.writing() as connection:
        connection.execute(update(api_batches).values(holder_expires_at=now(-1.0)))
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "in_progress"
    with desk.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar_one() == 1


def test_the_job_of_a_batch_is_not_pruned_before_its_files_are_published(desk: Desk) -> None:
    batch, job_id = desk.begun(1)
    desk.answer(job_id)
    assert prune(desk.settings, 0.0, lambda _: None).jobs == ()
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "completed"
    assert [job.id for job in prune(desk.settings, 0.0, lambda _: None).jobs] == [job_id]


def test_a_process_that_lost_a_batch_publishes_nothing(desk: Desk) -> None:
    batch, job_id = desk.begun(1)
    desk.answer(job_id)
    with desk.store.writing() as connection:
        late = hold_to_finalize(connection, 0.0)
        assert late is not None
    desk.caretaker.look()
    ended = desk.batch(batch["id"])
    assert ended["status"] == "completed"
    with pytest.raises(BatchLost), desk.store.writing() as connection:
        publish_batch(connection, late, 0, 1, TokenUsage(), None, None)
    assert desk.batch(batch["id"]) == ended


def test_a_repeated_request_finds_the_batch_of_the_first(desk: Desk) -> None:
    file_id = desk.upload(jsonl(line("a")))
    first = desk.create(file_id)["id"]
    assert desk.create(file_id, {"x-stainless-retry-count": "1"})["id"] == first
    assert desk.create(file_id, {"x-stainless-retry-count": "0"})["id"] != first


def test_an_idempotency_key_finds_the_batch_of_its_owner_or_conflicts(desk: Desk) -> None:
    anna, zoe = desk.key("acme"), desk.key("acme", "zoe")
    asked = {"input_file_id": "file-x", "endpoint": CHAT, "completion_window": "24h", "idempotency_key": "k"}

    def post(headers: dict[str, str], **more: Any) -> Response:
        return desk.client.post("/v1/batches", json={**asked, **more}, headers=headers)

    first = post(anna, metadata={"a": "1", "b": "2"}).json()
    assert post(anna, metadata={"b": "2", "a": "1"}).json() == first
    assert post(zoe).json()["id"] != first["id"]
    assert post(anna, metadata={"a": "1", "b": "2"}, idempotency_key="l").json()["id"] != first["id"]
    conflict = post(anna, metadata={"a": "1"})
    error = conflict.json()["error"]
    assert (conflict.status_code, error["code"], error["param"]) == (
        409,
        "idempotency_conflict",
        "idempotency_key",
    )
    assert conflict.headers["x-should-retry"] == "false"


def test_files_whose_time_is_over_are_gone_with_their_bytes(desk: Desk) -> None:
    file_id = desk.upload(b"{}", **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"})
    with desk.store.writing() as connection:
        connection.execute(update(files).values(expires_at=now(-1.0)))
    assert desk.client.get(f"/v1/files/{file_id}").status_code == 404
    desk.caretaker.look()
    assert [path for path in (desk.settings.home / "files").rglob("*") if path.is_file()] == []


def test_bytes_that_a_killed_server_left_are_swept_a_day_later(desk: Desk) -> None:
    """Those of a half upload, and of an upload whose row was never written."""
    file_id = desk.upload(b"{}")
    folder = desk.settings.home / "files"
    orphans = [folder / "coming" / "file-half-1", folder / "kept" / "file-whole"]
    for path in orphans:
        path.write_bytes(b"{}")
    desk.caretaker.forgetter.sweep()
    assert all(path.exists() for path in orphans)
    for path in folder.rglob("file-*"):
        os.utime(path, (1.0, 1.0))
    desk.caretaker.forgetter.sweep()
    assert [path.name for path in folder.rglob("file-*")] == [file_id]


def test_lists_have_pages_newest_first(desk: Desk) -> None:
    file_ids = [desk.upload(b"{}") for _ in range(3)]
    batch_ids = [desk.create(file_ids[0])["id"] for _ in range(3)]
    for route, made in (("files", file_ids), ("batches", batch_ids)):
        page = desk.client.get(f"/v1/{route}?limit=2").json()
        assert [one["id"] for one in page["data"]] == made[:0:-1]
        assert (page["first_id"], page["last_id"], page["has_more"]) == (made[2], made[1], True)
        page = desk.client.get(f"/v1/{route}?limit=2&after={made[1]}").json()
        assert ([one["id"] for one in page["data"]], page["has_more"]) == (made[:1], False)
    oldest = desk.client.get("/v1/files?order=asc&limit=1").json()
    assert oldest["data"][0]["id"] == file_ids[0]


@pytest.mark.parametrize(
    ("endpoint", "asked", "shape"),
    [("/v1/completions", "prompt", "text_completion"), ("/v1/responses", "input", "response")],
)
def test_lines_of_other_endpoints_are_answered_in_their_shape(
    sqlite_desk: Desk, endpoint: str, asked: str, shape: str
) -> None:
    def asking(custom_id: str, **body: Any) -> dict[str, Any]:
        return {
            "custom_id": custom_id,
            "method": "POST",
            "url": endpoint,
            "body": {"model": MODEL, asked: "hello", **body},
        }

    file_id = sqlite_desk.upload(jsonl(asking("a"), asking("bad", n=2)))
    batch = sqlite_desk.create(file_id, endpoint=endpoint)
    sqlite_desk.caretaker.look()
    sqlite_desk.answer(1)
    sqlite_desk.caretaker.look()
    ended = sqlite_desk.batch(batch["id"])
    [answer], [error] = (
        sqlite_desk.lines_of(ended["output_file_id"]),
        sqlite_desk.lines_of(ended["error_file_id"]),
    )
    assert answer["response"]["body"]["object"] == shape
    assert error["response"]["body"]["error"]["param"] == "n"
    other = sqlite_desk.create(file_id)
    sqlite_desk.caretaker.look()
    assert {one["code"] for one in sqlite_desk.batch(other["id"])["errors"]["data"]} == {"invalid_url"}
