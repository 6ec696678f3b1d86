"""Estimates of batches: tokens by the model's own tokenizer, time as jobs took it; nothing is created."""

from typing import Any

import pytest
from sqlalchemy import select

from qwenq.actions.prompt_tokens import PromptTokens
from qwenq.schemas.prompts.messages import BARE, Message
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.tables.service import api_batches
from qwenq.store.outcomes.batches import insert_batches
from tests.builders import MODEL, claim_first, finish, make_worker
from tests.integration.server.conftest import CHAT, Desk, jsonl, line
from tests.processes import TINY_MODEL

TINY = str(TINY_MODEL)


def estimated(
    desk: Desk, file_id: str, headers: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", **fields}
    answer = desk.client.post("/v1/batches/estimate", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    with desk.store.reading() as connection:
        assert connection.execute(select(api_batches)).first() is None, "nothing was created"
    return dict(answer.json())


def tokens_of(role: str, text: str) -> int:
    return PromptTokens(TINY, thinking=False).count([Message(role, text)])


def test_tokens_are_those_of_the_models_tokenizer(sqlite_desk: Desk) -> None:
    make_worker(sqlite_desk.store, TINY)
    long = line("c", model=TINY, messages=[{"role": "user", "content": "word " * 5_000}])
    file_id = sqlite_desk.upload(
        jsonl(line("a", model=TINY, max_tokens=7), line("b", model=TINY, n=2), long, line("d", model=TINY))
    )
    found = estimated(sqlite_desk, file_id)
    assert (found["model"], found["errors"], found["input_tokens_exact"]) == (TINY, None, True)
    assert (found["requests"], found["rejected"], found["too_long"]) == (4, 1, 1)
    assert found["input_tokens"] == 2 * tokens_of("user", "hello")
    assert found["max_output_tokens"] == 7 + 512
    assert (found["workers"], found["seconds"], found["output_tokens"]) == (1, None, None)


def test_other_inputs_are_estimated_as_they_would_be_asked(sqlite_desk: Desk) -> None:
    make_worker(sqlite_desk.store, TINY)
    bare = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/completions",
        "body": {"model": TINY, "prompt": "hello"},
    }
    found = estimated(sqlite_desk, sqlite_desk.upload(jsonl(bare)), endpoint="/v1/completions")
    assert (found["input_tokens"], found["max_output_tokens"]) == (tokens_of(BARE, "hello"), 16)
    upload = {"purpose": "batch"}, {"file": ("a.csv", b"name\nAnna\nBo\n")}
    file_id = sqlite_desk.client.post("/v1/files", data=upload[0], files=upload[1]).json()["id"]
    found = estimated(sqlite_desk, file_id, model=TINY, prompt="Greet {{ name }}", max_tokens=5)
    wanted = tokens_of("user", "Greet Anna") + tokens_of("user", "Greet Bo")
    assert (found["requests"], found["input_tokens"], found["max_output_tokens"]) == (2, wanted, 10)


def test_time_is_by_measured_speed_and_answers_of_the_tenant(desk: Desk) -> None:
    anna = desk.key("acme")
    batch = desk.create(desk.upload(jsonl(line("a"), line("b")), anna), anna)
    desk.caretaker.look()
    claim = claim_first(desk.store, 1, desk.worker_id)
    assert claim is not None
    finish(desk.store, claim)
    with desk.store.writing() as connection:
        insert_batches(connection, claim, MODEL, [BatchMetrics(2, 40, 40, 20, 6.0, 1, 1)])
        connection.exec_driver_sql(f"UPDATE api_batches SET id = 'x' WHERE id = '{batch['id']}'")
        connection.exec_driver_sql("DELETE FROM api_batches")
    mine = estimated(desk, desk.upload(jsonl(line("a", max_tokens=50)), anna), anna)
    assert (mine["tokens_per_second"], mine["output_tokens"], mine["input_tokens_exact"]) == (10.0, 10, False)
    assert (
        mine["device_seconds"] == mine["seconds"] == pytest.approx((mine["input_tokens"] + 10) / 10, abs=0.1)
    )
    other = desk.key("other")
    theirs = estimated(desk, desk.upload(jsonl(line("a", max_tokens=50)), other), other)
    assert (theirs["output_tokens"], theirs["tokens_per_second"]) == (None, 10.0)
    assert theirs["device_seconds"] > mine["device_seconds"], "for answers of the most tokens"


def test_an_estimate_tells_what_would_fail_the_batch(sqlite_desk: Desk) -> None:
    for file_id, code in (
        ("file-unknown", "invalid_request"),
        (sqlite_desk.upload(b"{"), "invalid_json_line"),
        (sqlite_desk.upload(jsonl(line("a", model="other/model"))), "model_not_found"),
    ):
        assert [one["code"] for one in estimated(sqlite_desk, file_id)["errors"]["data"]] == [code]
    other = sqlite_desk.upload(b"{}", purpose="vision")
    body = {"input_file_id": other, "endpoint": CHAT, "completion_window": "24h"}
    refused = sqlite_desk.client.post("/v1/batches/estimate", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "input_file_id")
