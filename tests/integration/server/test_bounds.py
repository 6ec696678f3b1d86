"""Bounds of tenants and keys: what is refused, when, and what the refusal says."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from httpx2 import Response

from qwenq.schemas.errors import BoundReached
from qwenq.schemas.service.stored import BatchRequest
from qwenq.schemas.service.tenants import Caller, Role
from qwenq.schemas.settings import Settings
from qwenq.server.bounds.rates import Rate, Rates
from qwenq.store.api_batches.batches import create_batch
from qwenq.store.tenants.keys import create_key
from qwenq.store.tenants.tenants import change_bounds
from qwenq.store.tenants.usage import usage_of
from tests.integration.server.conftest import CHAT, Desk, jsonl, line


def bounded(
    desk: Desk, of_tenant: Mapping[str, int | None], of_key: dict[str, int] | None = None
) -> dict[str, str]:
    """The header of a new key, and its tenant's bounds."""
    desk.key("acme")
    with desk.store.writing() as connection:
        change_bounds(connection, "acme", of_tenant)
        key, _ = create_key(connection, "acme", "anna", Role.MEMBER, None, of_key)
    return {"authorization": f"Bearer {key}"}


def created(desk: Desk, file_id: str, headers: dict[str, str]) -> Response:
    body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    return desk.client.post("/v1/batches", json=body, headers=headers)


def check_refused(answer: Response, said: str, *, waits: bool) -> None:
    """A 429 of OpenAI's shape, which says whether waiting helps."""
    assert answer.status_code == 429, answer.text
    assert said in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == ("rate_limit_exceeded" if waits else "insufficient_quota")
    assert answer.headers.get("x-should-retry") == (None if waits else "false")
    assert ("retry-after" in answer.headers) == waits
    assert 1 <= int(answer.headers.get("retry-after", 1)) <= 120


@pytest.mark.parametrize("whose", ["tenant", "key"])
def test_requests_a_minute_are_bounded_and_headers_tell_what_is_left(sqlite_desk: Desk, whose: str) -> None:
    bound = {"requests_per_minute": 3}
    key = bounded(sqlite_desk, bound if whose == "tenant" else {}, bound if whose == "key" else None)
    for left in (2, 1, 0):
        answer = sqlite_desk.client.get("/v1/models", headers=key)
        assert answer.status_code == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "3"
        assert answer.headers["x-ratelimit-remaining-requests"] == str(left)
    refused = sqlite_desk.client.get("/v1/models", headers=key)
    check_refused(refused, f"this {whose} may make 3 requests a minute", waits=True)
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert sqlite_desk.client.get("/v1/models", headers=sqlite_desk.key("other")).status_code == 200


def test_a_bound_of_zero_refuses_everything_and_says_that_waiting_does_not_help(sqlite_desk: Desk) -> None:
    refused = sqlite_desk.client.get("/v1/models", headers=bounded(sqlite_desk, {"requests_per_minute": 0}))
    assert (refused.status_code, refused.headers["x-should-retry"]) == (429, "false")
    assert "retry-after" not in refused.headers


def test_what_a_key_is_refused_does_not_use_up_its_tenant(sqlite_desk: Desk) -> None:
    key = bounded(
        sqlite_desk, {"requests_per_minute": None, "requests_per_hour": 4}, {"requests_per_minute": 1}
    )
    for _ in range(6):
        sqlite_desk.client.get("/v1/models", headers=key)
    answer = sqlite_desk.client.get("/v1/models", headers=sqlite_desk.key("acme"))
    assert answer.headers["x-ratelimit-remaining-requests"] == "2"


def test_a_rate_is_counted_for_all_processes_and_in_memory_while_redis_is_away(
    settings: Settings, redis: None, tmp_path: Path
) -> None:
    rate = [Rate(2, per_hour=False, whose=("tenant", "acme"))]
    one, other = Rates(settings), Rates(settings)
    assert [one.hit(rate).refused, other.hit(rate).refused, one.hit(rate).refused] == [
        False,
        False,
        True,
    ]
    away = Rates(settings.model_copy(update={"broker_url": f"redis+socket://{tmp_path}/none.sock"}))
    assert [away.hit(rate).refused for _ in range(3)] == [False, False, True]


def test_wrong_keys_are_bounded_by_address_and_right_ones_still_pass(sqlite_desk: Desk) -> None:
    key = sqlite_desk.key("acme")
    wrong = [
        sqlite_desk.client.get("/v1/models", headers={"authorization": f"Bearer {number}"})
        for number in range(30)
    ]
    assert [answer.status_code for answer in wrong] == [401] * 20 + [429] * 10
    assert 1 <= int(wrong[-1].headers["retry-after"]) <= 120
    assert sqlite_desk.client.get("/v1/models", headers=key).status_code == 200


@pytest.mark.parametrize("whose", ["tenant", "key"])
def test_open_batches_are_bounded_until_one_ends(desk: Desk, whose: str) -> None:
    bound = {"open_batches": 1}
    key = bounded(desk, bound if whose == "tenant" else {}, bound if whose == "key" else None)
    file_id = desk.upload(jsonl(line("a")), key)
    batch = created(desk, file_id, key).json()
    check_refused(created(desk, file_id, key), f"This {whose} may have at most 1 open batches", waits=True)
    repeated = created(desk, file_id, {**key, "x-stainless-retry-count": "1"})
    assert repeated.json()["id"] == batch["id"]
    desk.client.post(f"/v1/batches/{batch['id']}/cancel", headers=key)
    desk.caretaker.look()
    desk.caretaker.look()
    assert created(desk, file_id, key).status_code == 200


def test_waiting_documents_are_bounded_also_before_they_are_stored(desk: Desk) -> None:
    key = bounded(desk, {"waiting_documents": 5})
    two, six = (desk.upload(jsonl(*(line(str(place)) for place in range(lines))), key) for lines in (2, 6))
    check_refused(created(desk, six, key), "Waiting does not help: these are 6", waits=False)
    assert created(desk, two, key).status_code == 200
    assert created(desk, two, key).status_code == 200
    check_refused(created(desk, two, key), "at most 5 waiting documents", waits=True)
    desk.caretaker.look()
    check_refused(created(desk, two, key), "at most 5 waiting documents", waits=True)
    with desk.store.reading() as connection:
        job_ids = connection.exec_driver_sql("SELECT id FROM jobs").scalars().all()
    desk.answer(job_ids[0])
    assert created(desk, two, key).status_code == 200


def test_stored_bytes_are_bounded_and_a_refused_file_leaves_nothing(desk: Desk) -> None:
    key = bounded(desk, {"stored_bytes": 400})
    first = desk.upload(b"x" * 100, key)
    for size in (301, 100_000):  # known once it is whole, and before it comes
        answer = desk.client.post(
            "/v1/files", data={"purpose": "batch"}, files={"file": b"y" * size}, headers=key
        )
        check_refused(answer, "at most 400 stored bytes", waits=False)
    kept = [path.name for path in (desk.settings.home / "files").rglob("*") if path.is_file()]
    assert kept == [first]
    desk.client.delete(f"/v1/files/{first}", headers=key)
    assert desk.upload(b"y" * 150, key)


@pytest.mark.parametrize("bound", ["tokens_per_day", "tokens_per_month"])
def test_tokens_are_bounded_by_what_was_used(desk: Desk, bound: str) -> None:
    key = bounded(desk, {bound: 1})
    file_id = desk.upload(jsonl(line("a"), line("b")), key)
    created(desk, file_id, key)
    desk.caretaker.look()
    with desk.store.reading() as connection:
        job_id = connection.exec_driver_sql("SELECT max(id) FROM jobs").scalar_one()
    desk.answer(job_id)
    answer = created(desk, file_id, key)
    assert answer.status_code == 429
    assert "They count anew from" in answer.json()["error"]["message"]
    assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert answer.headers["x-ratelimit-remaining-tokens"] == "0"
    with desk.store.reading() as connection:
        [used] = usage_of(connection, "acme", "2000-01-01", "2999-12-31")
        assert usage_of(connection, "local", "2000-01-01", "2999-12-31") == []
    assert (used.owner, used.answers, used.failures) == ("anna", 2, 0)
    assert used.prompt_tokens > 0


def test_a_line_beyond_a_bound_fails_alone(sqlite_desk: Desk) -> None:
    key = bounded(sqlite_desk, {"document_chars": 10}, {"max_tokens": 64})
    long = [{"role": "user", "content": "x" * 11}]
    lines = (
        line("good"),
        line("long", messages=long),
        line("many", max_tokens=65),
        line("few", max_tokens=64),
    )
    batch = sqlite_desk.create(sqlite_desk.upload(jsonl(*lines), key), key)
    sqlite_desk.caretaker.look()
    with sqlite_desk.store.reading() as connection:
        failed = connection.exec_driver_sql(
            "SELECT shown_id, error_code, error_message FROM documents WHERE state = 'failed' ORDER BY seq"
        ).all()
        params = connection.exec_driver_sql("SELECT params FROM jobs").scalar_one()
    assert [(row.shown_id, row.error_code) for row in failed] == [
        ("long", "too_long"),
        ("many", "invalid_parameter"),
    ]
    assert "max_tokens" in failed[1].error_message
    assert '"max_new_tokens": 64' in params
    counts = sqlite_desk.client.get(f"/v1/batches/{batch['id']}", headers=key).json()["request_counts"]
    assert counts == {"total": 4, "completed": 0, "failed": 2}


@pytest.mark.parametrize(
    ("bounds", "status"),
    [
        ({"batch_lines": 0}, "failed"),
        ({"batch_lines": 2}, "failed"),
        ({"batch_lines": 3}, "in_progress"),
        ({"batch_lines": None}, "in_progress"),
    ],
)
def test_a_tenant_may_have_more_or_fewer_lines(
    sqlite_desk: Desk, bounds: dict[str, int | None], status: str
) -> None:
    key = bounded(sqlite_desk, bounds)
    batch = sqlite_desk.create(sqlite_desk.upload(jsonl(line("a"), line("b"), line("c")), key), key)
    sqlite_desk.caretaker.look()
    assert sqlite_desk.client.get(f"/v1/batches/{batch['id']}", headers=key).json()["status"] == status


@pytest.mark.parametrize(("bound", "status"), [(100, 400), (101, 200), (None, 200)])
def test_a_tenant_may_have_larger_or_smaller_files(sqlite_desk: Desk, bound: int | None, status: int) -> None:
    key = bounded(sqlite_desk, {"batch_bytes": bound})
    answer = sqlite_desk.client.post(
        "/v1/files", data={"purpose": "batch"}, files={"file": b"x" * 101}, headers=key
    )
    assert answer.status_code == status


def test_a_retry_is_held_to_the_bounds_of_a_new_batch(sqlite_desk: Desk) -> None:
    key = bounded(sqlite_desk, {"waiting_documents": 2})
    file_id = sqlite_desk.upload(jsonl(line("a"), line("b")), key)
    batch = created(sqlite_desk, file_id, key).json()
    sqlite_desk.caretaker.look()
    sqlite_desk.client.post(f"/v1/batches/{batch['id']}/cancel", headers=key)
    sqlite_desk.caretaker.look()
    assert created(sqlite_desk, file_id, key).status_code == 200
    retried = sqlite_desk.client.post(f"/v1/batches/{batch['id']}/retry", headers=key)
    check_refused(retried, "at most 2 waiting documents", waits=True)


def test_two_requests_at_once_do_not_pass_a_bound_together(desk: Desk) -> None:
    bounded(desk, {"open_batches": 1})
    anna = Caller("acme", "anna", Role.MEMBER, "sk-", "req")
    wanted = BatchRequest("file-a", CHAT, "24h", 60.0, None, None)

    def create() -> None:
        with desk.store.writing() as connection:
            create_batch(connection, anna, wanted, is_repeated=False)

    with ThreadPoolExecutor() as threads:
        with desk.store.writing() as connection:
            create_batch(connection, anna, wanted, is_repeated=False)
            second = threads.submit(create)
            with pytest.raises(TimeoutError):  # it waits until this one is there
                second.result(0.3)
        with pytest.raises(BoundReached):
            second.result(30)
