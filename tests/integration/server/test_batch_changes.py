"""Beyond OpenAI's batches: lines while they run, failed lines that run again, pauses. No line is lost or doubled."""

from typing import Any

import pytest
from sqlalchemy import update

from qwenq.schemas.tables.core import jobs
from qwenq.schemas.tables.service import api_batches
from qwenq.store.database.clock import now
from qwenq.store.life.claims import claim_chunk
from tests.builders import MODEL, answer, chunks_of, claim_first, failure, finish
from tests.integration.server.conftest import Desk, jsonl, line


def post(desk: Desk, batch_id: str, deed: str, **headers: str) -> Any:
    return desk.client.post(f"/v1/batches/{batch_id}/{deed}", headers=headers)


def read(desk: Desk, path: str, offset: int) -> tuple[list[str], str, str]:
    """The ids of lines from an offset on, and what the headers say; without an offset, all of them."""
    found = desk.client.get(f"/v1/{path}", params={"offset": offset} if offset else None)
    assert found.status_code == 200, found.text
    ids = [one.partition('"custom_id":"')[2].partition('"')[0] for one in found.text.splitlines()]
    return ids, found.headers["x-incomplete"], found.headers["x-last-line"]


def expired(desk: Desk) -> None:
    with desk.store.writing() as connection:
        connection.execute(update(api_batches).values(expires_at=now(-1.0)))
    desk.caretaker.look()
    desk.caretaker.look()


def both(desk: Desk, batch_id: str) -> tuple[list[str], list[str]]:
    """The ids in the output file and in the error file of a batch, whose counts are theirs."""
    batch = desk.batch(batch_id)
    found = [
        [one["custom_id"] for one in desk.lines_of(batch[name])]
        for name in ("output_file_id", "error_file_id")
    ]
    answers, errors = found
    assert batch["request_counts"] == {
        "total": len(answers) + len(errors),
        "completed": len(answers),
        "failed": len(errors),
    }
    return answers, errors


def test_lines_are_read_while_the_batch_runs_and_go_on_after_its_end(desk: Desk) -> None:
    desk.caretaker._settings = desk.settings.model_copy(update={"chunk_documents": 2})
    batch = desk.create(
        desk.upload(jsonl(line("a"), line("bad", n=2), line("b"), line("c"), line("d"), line("e")))
    )
    growing, results = f"files/{batch['partial_output_file_id']}/content", f"batches/{batch['id']}/results"
    assert read(desk, results, 0) == ([], "true", "0")
    desk.caretaker.look()
    for path in (growing, results):
        assert read(desk, path, 0) == ([], "true", "0")
    first, second = (claim_first(desk.store, 1, desk.worker_id) for _ in range(2))
    assert first is not None
    assert second is not None
    finish(desk.store, second)
    assert read(desk, results, 0) == ([], "true", "0"), "a line before them has not ended"
    finish(desk.store, first)
    assert read(desk, results, 0) == (["a", "bad", "b", "c", "d"], "true", "5")
    assert read(desk, growing, 0) == (["a", "b", "c", "d"], "true", "4")
    assert read(desk, results, 4) == (["d"], "true", "5")
    assert read(desk, growing, 4) == ([], "true", "4")
    desk.answer(1)
    desk.caretaker.look()
    assert read(desk, results, 5) == (["e"], "false", "6")
    ended = desk.batch(batch["id"])
    skipped = desk.client.get(f"/v1/{growing}", params={"skip": 4})
    assert '"e"' in skipped.text
    assert '"d"' not in skipped.text
    for path in (growing, f"files/{ended['output_file_id']}/content"):
        assert read(desk, path, 4) == (["e"], "false", "5")
        assert read(desk, path, 9) == ([], "false", "9")
    with desk.store.writing() as connection:
        connection.execute(update(jobs).values(idempotency_key=None))
    gone = desk.client.get(f"/v1/{results}")
    assert (gone.status_code, gone.headers["x-should-retry"]) == (409, "false")


def test_failed_lines_run_again_and_the_answers_stay(desk: Desk) -> None:
    batch = desk.create(desk.upload(jsonl(line("a"), line("bad", n=2), line("b"), line("c"))))
    desk.caretaker.look()
    claim = claim_first(desk.store, 1, desk.worker_id)
    assert claim is not None
    finish(desk.store, claim, [answer(0), failure(2, "generation_error"), failure(3, "out_of_memory")])
    desk.caretaker.look()
    before = desk.batch(batch["id"])
    assert both(desk, batch["id"]) == (["a"], ["bad", "b", "c"])
    again = post(desk, batch["id"], "retry").json()
    assert (again["status"], again["completed_at"], again["usage"]) == ("in_progress", None, None)
    assert again["request_counts"] == {"total": 4, "completed": 1, "failed": 1}
    assert again["output_file_id"] == before["output_file_id"], "what was answered stays at hand"
    assert post(desk, batch["id"], "retry").status_code == 409
    repeated = post(desk, batch["id"], "retry", **{"x-stainless-retry-count": "1"})
    assert (repeated.status_code, repeated.json()["status"]) == (200, "in_progress")
    desk.answer(1)
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "completed"
    assert both(desk, batch["id"]) == (["a", "b", "c"], ["bad"])
    for name in ("output_file_id", "error_file_id"):
        assert desk.client.get(f"/v1/files/{before[name]}").status_code == 404, "new files took their place"
    assert len([path for path in (desk.settings.home / "files").rglob("*") if path.is_file()]) == 3
    refused = post(desk, batch["id"], "retry")
    assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")
    assert "bad rows" in refused.json()["error"]["message"]


@pytest.mark.parametrize("ended", ["cancelled", "expired"])
def test_lines_that_were_not_asked_run_again_too(desk: Desk, ended: str) -> None:
    desk.caretaker._settings = desk.settings.model_copy(update={"chunk_documents": 2})
    batch, job_id = desk.begun(4)
    claim = claim_first(desk.store, job_id, desk.worker_id)
    assert claim is not None
    finish(desk.store, claim)
    if ended == "expired":
        expired(desk)
    else:
        post(desk, batch["id"], "cancel")
        desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == ended
    assert read(desk, f"batches/{batch['id']}/results", 2) == (["r2", "r3"], "false", "4")
    again = post(desk, batch["id"], "retry").json()
    assert (again["status"], again[f"{ended}_at"]) == ("in_progress", None)
    assert again["expires_at"] > again["created_at"] + 86_000
    desk.answer(job_id)
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "completed"
    assert both(desk, batch["id"]) == (["r0", "r1", "r2", "r3"], [])


def test_a_retried_batch_can_be_cancelled_and_still_has_each_line_once(desk: Desk) -> None:
    batch, _ = desk.begun(3)
    expired(desk)
    post(desk, batch["id"], "retry")
    post(desk, batch["id"], "cancel")
    desk.caretaker.look()
    assert desk.batch(batch["id"])["status"] == "cancelled"
    assert both(desk, batch["id"]) == ([], ["r0", "r1", "r2"])


def test_a_paused_batch_begins_no_line_until_it_is_resumed(desk: Desk) -> None:
    batch, job_id = desk.begun(2)
    for _ in range(2):
        paused = post(desk, batch["id"], "pause").json()
        assert (paused["status"], paused["paused"]) == ("in_progress", True)
    [waiting] = chunks_of(desk.store, job_id)
    with desk.store.writing() as connection:
        assert claim_chunk(connection, waiting, MODEL, desk.worker_id, 60.0) is None
    assert desk.client.get("/v1/batches").json()["data"][0]["paused"] is True
    for _ in range(2):
        assert post(desk, batch["id"], "resume").json()["paused"] is False
    desk.answer(job_id)
    assert post(desk, batch["id"], "pause").status_code == 409, "all its lines have run"
    desk.caretaker.look()
    assert post(desk, batch["id"], "resume").json()["error"]["message"].endswith("with status 'completed'.")


@pytest.mark.parametrize("deed", ["retry", "pause", "resume"])
def test_a_batch_that_has_not_begun_or_failed_cannot_be_changed(sqlite_desk: Desk, deed: str) -> None:
    waiting = sqlite_desk.create(sqlite_desk.upload(jsonl(line("a"))))
    failed = sqlite_desk.create("file-unknown")
    for batch in (waiting, failed):
        assert post(sqlite_desk, batch["id"], deed).status_code == 409


@pytest.mark.parametrize(
    ("offset", "code"), [("-1", "integer_below_min_value"), ("x", "invalid_type"), ("", "invalid_type")]
)
def test_a_wrong_offset_is_refused(sqlite_desk: Desk, offset: str, code: str) -> None:
    batch = sqlite_desk.create("file-unknown")
    error = sqlite_desk.client.get(f"/v1/batches/{batch['id']}/results?offset={offset}").json()["error"]
    assert (error["param"], error["code"]) == ("offset", code)
