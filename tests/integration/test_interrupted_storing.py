"""Storing a job while it is cancelled or its process gets a signal, on both kinds of store."""

import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select

from qwenq.producer.enqueuing import EnqueuedJob, Listener, enqueue_job
from qwenq.schemas.documents import Row
from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobState
from qwenq.schemas.tables.core import documents, jobs
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from tests.builders import rows
from tests.integration.store.conftest import audited_status

Submit = Callable[[Iterator[Row]], EnqueuedJob]


@pytest.fixture
def submit(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Submit]:
    """Submits rows in batches of 10 and chunks of 4, with no broker there."""
    monkeypatch.setattr("qwenq.producer.storing.BATCH_ROWS", 9)
    settings = settings.model_copy(update={"chunk_documents": 4, "broker_url": "redis://127.0.0.1:1/0"})
    with Broker(settings) as broker:
        yield lambda content: enqueue_job(
            store, broker, settings, JobSpec(model="echo", sources=("x",)), content
        )


@pytest.mark.parametrize("place", [0, 5, 10, 17, 25, 29])
def test_a_job_cancelled_at_any_moment_of_its_storing_agrees_with_its_documents(
    store: Store, submit: Submit, place: int
) -> None:
    seen = []

    def cancelling() -> Iterator[Row]:
        for number, row in enumerate(rows(30, bad=(0, 6, 29))):
            if number == place:
                with store.writing() as connection:
                    cancel_job(connection, _job_of(store))
                seen.append(audited_status(store, _job_of(store)))
            yield row

    submission = submit(cancelling())
    status = audited_status(store, submission.job_id)
    assert (seen[0].state, seen[0].documents.pending) == (JobState.CANCELLED, 0)
    assert (status.state, status.documents.pending) == (JobState.CANCELLED, 0)
    assert status.documents.total == submission.documents
    assert status.documents.failed == submission.rejected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("place", [0, 5, 10, 25, 29])
def test_a_signal_while_rows_are_read_leaves_nothing(
    store: Store, submit: Submit, number: signal.Signals, place: int
) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]

    def interrupting() -> Iterator[Row]:
        for at, row in enumerate(rows(30)):
            if at == place:
                os.kill(os.getpid(), number)
            yield row

    with pytest.raises(KeyboardInterrupt):
        submit(interrupting())
    _assert_empty(store)
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize("statement", ["create_job", "insert_rows", "insert_chunks"])
def test_a_signal_during_a_statement_is_heeded_after_it(
    store: Store, submit: Submit, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    _interrupt_after(monkeypatch, statement)
    with pytest.raises(KeyboardInterrupt):
        submit(iter(rows(30)))
    _assert_empty(store)


def test_a_signal_during_the_last_commit_comes_when_the_id_was_told(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt_after(monkeypatch, "queue_job")
    told: list[int] = []
    with Broker(settings) as broker, pytest.raises(KeyboardInterrupt):
        listener = Listener(stored=told.append)
        enqueue_job(store, broker, settings, JobSpec(model="echo"), rows(5), listener=listener)
    assert told == [_job_of(store)]
    assert audited_status(store, told[0]).state == JobState.QUEUED


def test_a_signal_that_is_ignored_stays_so(store: Store, submit: Submit) -> None:
    def interrupting() -> Iterator[Row]:
        os.kill(os.getpid(), signal.SIGINT)
        yield from rows(5)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert submit(interrupting()).documents == 5
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_that_submits_leaves_the_handlers_alone(store: Store, submit: Submit) -> None:
    done: list[EnqueuedJob] = []
    thread = threading.Thread(target=lambda: done.append(submit(iter(rows(5)))))
    thread.start()
    thread.join()
    assert done[0].documents == 5


def _interrupt_after(monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    from qwenq.producer import storing
    from qwenq.store.life import half_jobs

    module = half_jobs if statement == "create_job" else storing
    real = getattr(module, statement)

    def interrupted(*arguments: object) -> object:
        result = real(*arguments)
        os.kill(os.getpid(), signal.SIGINT)
        return result

    monkeypatch.setattr(module, statement, interrupted)


def _job_of(store: Store) -> int:
    with store.reading() as connection:
        job_id: int = connection.execute(select(func.max(jobs.c.id))).scalar_one()
    return job_id


def _assert_empty(store: Store) -> None:
    with store.writing() as connection:
        for table in (jobs, documents):
            assert connection.scalar(select(func.count()).select_from(table)) == 0, table.name
