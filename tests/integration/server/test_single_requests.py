"""Single requests: asked as urgent jobs of their tenant, awaited, answered; and given up when nobody waits."""

import asyncio
import json
import threading
from collections.abc import Callable, Collection, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select, update

from qwenq.schemas.errors import StoreAway
from qwenq.schemas.service.tenants import Role
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import documents, jobs, workers
from qwenq.schemas.tables.service import audit, tenants
from qwenq.server.chat import waiting
from qwenq.server.routes import chat
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from tests.builders import MODEL, answer_all, ask_question, claim_first, failure, finish
from tests.integration.server.conftest import CHAT, Desk
from tests.waiting import eventually

HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}


@contextmanager
def when_asked(desk: Desk, do: Callable[[int], object]) -> Iterator[None]:
    """Do something with the next job in another thread, as a worker would."""

    def wait() -> None:
        job_id = eventually(lambda: newest_job(desk.store), "it is asked")
        assert job_id is not None
        do(job_id)

    before = newest_job(desk.store)
    assert before is None
    thread = threading.Thread(target=wait)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def newest_job(store: Store) -> int | None:
    """The newest job that can be claimed."""
    waits = jobs.c.state == JobState.QUEUED
    with store.reading() as connection:
        found: int | None = connection.execute(select(func.max(jobs.c.id)).where(waits)).scalar_one()
    return found


def ask(desk: Desk, headers: dict[str, str] | None = None, **body: Any) -> Any:
    """Ask, and have a worker answer. Returns the response."""
    with when_asked(desk, lambda job_id: answer_all(desk.store, job_id, desk.worker_id)):
        return desk.client.post(CHAT, json=HELLO | body, headers=headers)


def test_a_question_is_an_urgent_job_of_its_tenant_and_answered_as_openai_does(desk: Desk) -> None:
    answer = ask(desk, desk.key("acme"), temperature=0.5, user="me", unknown_field=None)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["object"], body["model"]) == ("chat.completion", MODEL)
    [choice] = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": "answer 0", "refusal": None}
    assert (choice["finish_reason"], choice["logprobs"]) == ("stop", None)
    assert (
        body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]
    )
    assert body["usage"]["prompt_tokens_details"]["cached_tokens"] == 3
    with desk.store.reading() as connection:
        job = connection.execute(select(jobs)).one()
        content = json.loads(connection.execute(select(documents.c.content)).scalar_one())
        deed = connection.execute(select(audit).where(audit.c.action == "chat.create")).one()
    assert (job.tenant, job.urgent, job.name, job.state) == ("acme", True, body["id"], JobState.COMPLETED)
    assert content["body"] == HELLO | {"temperature": 0.5, "user": "me", "unknown_field": None}
    assert (deed.tenant, deed.object, len(deed.sha256)) == ("acme", body["id"], 64)
    assert deed.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize("with_usage", [False, True])
def test_a_streamed_answer_comes_in_one_chunk(sqlite_desk: Desk, with_usage: bool) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if with_usage else {}
    answer = ask(sqlite_desk, None, stream=True, **options)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, end, nothing = answer.text.split("\n\n")
    assert (end, nothing) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    [choice] = chunks[0]["choices"]
    assert (choice["delta"]["role"], choice["delta"]["content"]) == ("assistant", "answer 0")
    assert choice["finish_reason"] == "stop"
    if with_usage:
        assert (chunks[0]["usage"], chunks[1]["choices"]) == (None, [])
        assert chunks[1]["usage"]["total_tokens"]
    assert len(chunks) == 1 + with_usage


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"model": None}, 400, "model", "missing_required_parameter"),
        ({"model": 7}, 400, "model", "invalid_type"),
        ({"model": "Qwen/None"}, 404, "model", "model_not_found"),
        ({"messages": None}, 400, "messages", "missing_required_parameter"),
        ({"messages": []}, 400, "messages", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages[0].role", "invalid_value"),
        ({"n": 2}, 400, "n", "unsupported_parameter"),
        ({"logprobs": True}, 400, "logprobs", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, 400, "tools", "unsupported_parameter"),
        ({"surprising": 1}, 400, "surprising", "unsupported_parameter"),
        ({"temperature": "hot"}, 400, "temperature", "invalid_value"),
        ({"max_tokens": 0}, 400, "max_tokens", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format", "invalid_value"),
        ({"stream": "yes"}, 400, "stream", "invalid_type"),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options", "invalid_value"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(
    sqlite_desk: Desk, change: dict[str, Any], status: int, param: str, code: str
) -> None:
    answer = sqlite_desk.client.post(CHAT, json=HELLO | change)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code), error
    assert newest_job(sqlite_desk.store) is None


def test_a_question_fails_as_a_line_of_a_batch_does(sqlite_desk: Desk) -> None:
    def fail(job_id: int) -> None:
        claim = claim_first(sqlite_desk.store, job_id, sqlite_desk.worker_id)
        assert claim is not None
        finish(sqlite_desk.store, claim, [failure(0)])

    with when_asked(sqlite_desk, fail):
        answer = sqlite_desk.client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_question_that_an_operator_cancels_is_not_tried_again(sqlite_desk: Desk) -> None:
    def cancel(job_id: int) -> None:
        with sqlite_desk.store.writing() as connection:
            cancel_job(connection, job_id)

    with when_asked(sqlite_desk, cancel):
        answer = sqlite_desk.client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (409, "false")


def test_a_question_without_an_answer_in_time_is_cancelled(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "QUESTION_SECONDS", 0.05)
    answer = sqlite_desk.client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.headers["x-should-retry"]) == (408, "false")
    with sqlite_desk.store.reading() as connection:
        assert connection.execute(select(jobs.c.state)).scalar_one() == JobState.CANCELLED


def test_a_client_that_goes_away_cancels_its_question(desk: Desk) -> None:
    asyncio.run(_ask_and_leave(desk))
    with desk.store.reading() as connection:
        assert connection.execute(select(jobs.c.state)).scalar_one() == JobState.CANCELLED
        deeds = connection.execute(select(audit.c.action).order_by(audit.c.id)).scalars().all()
    assert deeds == ["chat.create", "chat.cancel"]


async def _ask_and_leave(desk: Desk) -> None:
    body = json.dumps(HELLO).encode()
    pieces = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        if (piece := next(pieces, None)) is not None:
            return piece
        await asyncio.to_thread(eventually, lambda: newest_job(desk.store), "it is asked")
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": CHAT, "raw_path": CHAT.encode(), "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")],
    }  # fmt: skip
    await desk.client.app(scope, receive, send)
    assert sent[0]["status"] == chat.CLIENT_GONE


@pytest.mark.parametrize(("name", "value"), [("MOST_WAITING", 0), ("MOST_OF_TENANT", 0)])
def test_no_more_questions_wait_than_there_are_places(
    sqlite_desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setattr(waiting, name, value)
    answer = sqlite_desk.client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert newest_job(sqlite_desk.store) is None


@pytest.mark.parametrize(
    ("bounds", "status", "param", "code"),
    [
        ({"document_chars": 4}, 400, "messages", "context_length_exceeded"),
        ({"max_tokens": 4}, 400, "max_tokens", "invalid_value"),
        ({"waiting_documents": 0}, 429, None, "insufficient_quota"),
    ],
)
def test_a_question_is_held_to_the_bounds_of_its_tenant(
    sqlite_desk: Desk, bounds: dict[str, int], status: int, param: str | None, code: str
) -> None:
    with sqlite_desk.store.writing() as connection:
        connection.execute(update(tenants).values(bounds=bounds))
    answer = sqlite_desk.client.post(CHAT, json=HELLO | {"max_tokens": 5})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code)


def test_without_a_worker_of_its_model_a_question_is_refused_for_now(sqlite_desk: Desk) -> None:
    with sqlite_desk.store.writing() as connection:
        connection.execute(update(workers).values(heartbeat_at=now(-3_600.0)))
    answer = sqlite_desk.client.post(CHAT, json=HELLO)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_viewer_asks_nothing(sqlite_desk: Desk) -> None:
    answer = sqlite_desk.client.post(CHAT, json=HELLO, headers=sqlite_desk.key("acme", role=Role.VIEWER))
    assert answer.status_code == 403


def test_questions_of_a_dead_server_are_cancelled_when_nobody_can_wait_any_more(desk: Desk) -> None:
    ask_question(desk.store)
    desk.caretaker.look()
    assert newest_job(desk.store) is not None
    with desk.store.writing() as connection:
        connection.execute(update(jobs).values(created_at=now(-700.0)))
    desk.caretaker.look()
    assert newest_job(desk.store) is None


@pytest.mark.parametrize("error", [StoreAway(url="u", reason="r"), ValueError("v")])
def test_one_look_asks_for_all_questions_and_goes_on_after_an_error(error: Exception) -> None:
    looks: list[set[int]] = []

    def still_open(job_ids: Collection[int]) -> set[int]:
        looks.append(set(job_ids))
        if len(looks) == 1:
            raise error
        return set(job_ids) if len(looks) == 2 else set()

    async def wait_for_all() -> None:
        awaited = waiting.Waiting(still_open)
        with ExitStack() as stack:
            ends = [stack.enter_context(awaited.ended(job_id)) for job_id in range(100)]
            await asyncio.gather(*ends)

    asyncio.run(wait_for_all())
    assert looks[-2:] == [set(range(100))] * 2
