"""Submits with an idempotency key: one job, however often and concurrently, even if the first submit died."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import func, select, update

from qwenq.actions.request import JobRequest
from qwenq.producer.enqueuing import EnqueuedJob, Listener, enqueue_job
from qwenq.schemas.documents import Row
from qwenq.schemas.errors import IdempotencyMismatch, InvalidParameter, NoGoodRow
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, Priority, PromptSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import documents, jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.half_jobs import begin_job
from qwenq.store.life.retrying import retry_failed
from tests.builders import answer_all, claim_first, failure, finish, make_worker, row, rows
from tests.integration.store.conftest import audited_status

SPEC = JobSpec(model="echo", sources=("x",), idempotency_key="night-1")
Submit = Callable[..., EnqueuedJob]


@pytest.fixture
def submit(store: Store, settings: Settings) -> Iterator[Submit]:
    """Submits rows, with no broker there."""
    settings = settings.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"})
    with Broker(settings) as broker:
        yield partial(_submit, store, broker, settings)


def _submit(
    store: Store,
    broker: Broker,
    settings: Settings,
    content: Iterable[Row],
    spec: JobSpec = SPEC,
    stored: Callable[[int], object] = id,
    waiting: Callable[[int], object] = id,
) -> EnqueuedJob:
    listener = Listener(stored=stored, waiting=waiting)
    return enqueue_job(store, broker, settings, spec, content, listener=listener)


def test_the_second_submit_gives_the_first_ones_job_and_stores_nothing(store: Store, submit: Submit) -> None:
    told: list[int] = []
    first = submit(rows(30, bad=(3,)), stored=told.append)
    second = submit(rows(30, bad=(3,)), stored=told.append)
    assert (first.repeated, second.repeated) == (False, True)
    assert told == [first.job_id, second.job_id] == [first.job_id] * 2
    assert audited_status(store, first.job_id).documents.total == _documents(store) == 30


def test_a_repeated_key_returns_the_job_in_whatever_state(store: Store, submit: Submit) -> None:
    first = submit(rows(5))
    answer_all(store, first.job_id, make_worker(store))
    assert submit(rows(5)).job_id == first.job_id
    assert audited_status(store, first.job_id).documents.succeeded == 5


@pytest.mark.parametrize(
    ("other", "content", "named"),
    [
        ({"model": "other"}, rows(5), "model"),
        ({"prompt": PromptSpec(template="Say: {{ text }}")}, rows(5), "prompt"),
        ({"params": GenerationParams(max_new_tokens=7)}, rows(5), "parameters"),
        ({}, rows(6), "input"),
        ({}, rows(4), "input"),
        ({}, rows(5, bad=(2,)), "input"),
        ({}, [row(place, f"other-{place}") for place in range(5)], "input"),
        ({"model": "other"}, rows(6), "model, input"),
    ],
)
def test_another_request_with_the_same_key_is_refused_with_the_difference(
    store: Store, submit: Submit, other: dict[str, object], content: list[Row], named: str
) -> None:
    first = submit(rows(5))
    with pytest.raises(IdempotencyMismatch, match=rf"Job {first.job_id} .* differs in: {named}\."):
        submit(content, SPEC.model_copy(update=other))
    assert _documents(store) == 5


def test_the_first_request_keeps_its_key_after_a_retry_with_another_limit(
    store: Store, submit: Submit
) -> None:
    first, worker = submit(rows(5)), make_worker(store)
    for limit in (2_000, 4_000):
        held = claim_first(store, first.job_id, worker)
        assert held is not None
        finish(store, held, [failure(seq) for seq in range(5)])
        with store.writing() as connection:
            retry_failed(connection, first.job_id, max_new_tokens=limit)
    assert submit(rows(5)).job_id == first.job_id
    other = SPEC.model_copy(update={"params": SPEC.params.overlaid({"max_new_tokens": 4_000})})
    with pytest.raises(IdempotencyMismatch, match="parameters"):
        submit(rows(5), other)


def test_name_priority_and_the_names_of_files_may_differ(submit: Submit) -> None:
    first = submit(rows(5))
    other = SPEC.model_copy(update={"name": "n", "priority": Priority.HIGH, "sources": ("./x",)})
    assert submit(rows(5), other).job_id == first.job_id


def test_submits_with_other_keys_or_without_keys_are_other_jobs(submit: Submit) -> None:
    keys = ("a", "b", None, None)
    found = [submit(rows(2), SPEC.model_copy(update={"idempotency_key": key})) for key in keys]
    assert len({submission.job_id for submission in found}) == 4


def test_many_concurrent_submits_with_one_key_store_one_job(store: Store, submit: Submit) -> None:
    together = threading.Barrier(6)

    def begin() -> Iterator[Row]:
        yield from rows(50)

    def one() -> EnqueuedJob:
        together.wait(30)
        return submit(begin())

    with ThreadPoolExecutor(6) as pool:
        found = [future.result(60) for future in [pool.submit(one) for _ in range(6)]]
    assert len({submission.job_id for submission in found}) == 1
    assert sorted(submission.repeated for submission in found) == [False] + [True] * 5
    assert audited_status(store, found[0].job_id).documents.total == _documents(store) == 50


def test_a_submit_waits_for_the_one_that_is_still_storing(store: Store, submit: Submit) -> None:
    begun, waited = threading.Event(), threading.Event()

    def slow() -> Iterator[Row]:
        begun.set()
        assert waited.wait(30), "the second submit never said that it waits"
        yield from rows(5)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(submit, slow())
        assert begun.wait(30)
        second = pool.submit(submit, rows(5), waiting=lambda _job_id: waited.set())
        assert first.result(60).job_id == second.result(60).job_id
    assert second.result().repeated
    assert _documents(store) == 5


def test_a_submit_takes_over_when_the_one_before_it_comes_to_nothing(store: Store, submit: Submit) -> None:
    waited = threading.Event()

    def bad() -> Iterator[Row]:
        begun.set()
        assert waited.wait(30), "the second submit never said that it waits"
        yield from rows(2, bad=(0, 1))

    begun = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(submit, bad())
        assert begun.wait(30)
        second = pool.submit(submit, rows(5), waiting=lambda _job_id: waited.set())
        with pytest.raises(NoGoodRow):
            first.result(60)
        assert not second.result(60).repeated
    assert audited_status(store, second.result().job_id).documents.total == _documents(store) == 5


def test_a_first_submit_that_died_half_way_makes_room_and_leaves_nothing(
    store: Store, submit: Submit
) -> None:
    with store.writing() as connection:
        half = begin_job(connection, SPEC, None, lease_seconds=-1)
        assert half is not None
        connection.execute(
            documents.insert(),
            [
                {"job_id": half.job_id, "seq": seq, "custom_id": f"d{seq}", "source": 0, "line": 1,
                 "state": "pending", "content": "{}"}
                for seq in range(7)
            ],
        )  # fmt: skip
    submission = submit(rows(5))
    assert not submission.repeated
    assert submission.job_id != half.job_id
    assert audited_status(store, submission.job_id).documents.total == _documents(store) == 5
    with store.reading() as connection:
        assert list(connection.execute(select(jobs.c.id)).scalars()) == [submission.job_id]


def test_a_repeated_key_returns_a_job_that_was_cancelled_while_stored(store: Store, submit: Submit) -> None:
    def cancelling() -> Iterator[Row]:
        yield from rows(3)
        with store.writing() as connection:
            cancel_job(connection, 1)
        yield from rows(5)[3:]

    first = submit(cancelling())
    assert submit(rows(9)).job_id == first.job_id
    assert audited_status(store, first.job_id).state == JobState.CANCELLED


def test_a_repeated_submit_announces_what_the_first_could_not(
    store: Store, settings: Settings, broker: Broker, submit: Submit
) -> None:
    first = submit(rows(5))
    assert first.unannounced
    with store.writing() as connection:
        connection.execute(update(jobs).values(created_at=now()))
    again = enqueue_job(store, broker, settings, SPEC, rows(5))
    assert again.unannounced is None
    assert broker.depth("echo") == 1


def test_a_drawn_seed_depends_on_the_key_alone() -> None:
    settings = Settings(model="echo")

    def seed(key: str | None) -> int | None:
        request = JobRequest(["x.jsonl"], idempotency_key=key, params={"temperature": 1.0})
        return request.specify(settings).params.seed

    assert seed("a") == seed("a") != seed("b")
    assert len({seed(None) for _ in range(5)}) > 1


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "it must have 1 to 255 characters"),
        ("line\n", "it must have 1 to 255 characters"),
        ("x" * 256, "it must have 1 to 255 characters"),
        ("a\0b", "it must not hold a NUL character"),
        ("\ud800", "character 1 is not text"),
    ],
)
def test_a_key_that_cannot_be_kept_is_refused(key: str, reason: str) -> None:
    with pytest.raises(InvalidParameter, match=f"--idempotency-key: {reason}"):
        JobRequest(["x.jsonl"], idempotency_key=key).specify(Settings(model="echo"))


def _documents(store: Store) -> int:
    with store.reading() as connection:
        counted: int = connection.execute(select(func.count()).select_from(documents)).scalar_one()
    return counted
