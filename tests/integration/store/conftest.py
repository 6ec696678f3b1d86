"""Shared by the tests of the store: a status that is checked against the documents, and old chunks."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text, update

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.tables.core import chunks, documents, results
from qwenq.store.conditions import document_state
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.views.jobs.statuses import job_status
from tests.audit import audit
from tests.waiting import eventually

Audited = Callable[[int], JobStatus]


@pytest.fixture
def audited(store: Store) -> Audited:
    """A job's status, checked against its documents, chunks and results."""
    return lambda job_id: audited_status(store, job_id)


def audited_status(store: Store, job_id: int) -> JobStatus:
    """Audit a job; then its status must be what a recount of documents and results gives. It has no clock."""
    told = document_state().label("told")
    with store.reading() as connection:
        audit(connection, job_id)
        status = job_status(connection, job_id)
        counted = {
            str(state): count
            for state, count in connection.execute(
                select(told, func.count()).where(documents.c.job_id == job_id).group_by(told)
            )
        }
        spent = _spent(connection, job_id)
        per_chunk = [
            (_tokens(chunk), _spent(connection, job_id, chunk.first_seq, chunk.last_seq))
            for chunk in connection.execute(select(chunks).where(chunks.c.job_id == job_id))
        ]
    assert status is not None
    counts = status.documents.model_dump()
    assert counts.pop("total") == sum(counted.values())
    assert {state: count for state, count in counts.items() if count} == counted
    assert _tokens(status.usage) == spent
    assert [kept for kept, _ in per_chunk] == [recounted for _, recounted in per_chunk]
    return but_for_the_clock(status)


def but_for_the_clock(status: JobStatus) -> JobStatus:
    """The status without what passes by itself, so that two of them can be compared."""
    return status.model_copy(update={"still_seconds": None})


def _tokens(teller: Any) -> list[int]:
    return [teller.prompt_tokens, teller.completion_tokens, teller.reasoning_tokens, teller.prefix_tokens]


def _spent(connection: Connection, job_id: int, first_seq: int = 0, last_seq: int = 10**9) -> list[int]:
    """Tokens of the results themselves."""
    columns = (
        results.c.prompt_tokens,
        results.c.completion_tokens,
        results.c.reasoning_tokens,
        results.c.prefix_tokens,
    )
    sums = connection.execute(
        select(*(func.coalesce(func.sum(column), 0) for column in columns)).where(
            results.c.job_id == job_id, results.c.seq.between(first_seq, last_seq)
        )
    ).one()
    return [int(tokens) for tokens in sums]


def age(store: Store, job_id: int, seconds: float) -> None:
    """Make a job's chunks, and their announcements, so old."""
    with store.writing() as connection:
        for column in (chunks.c.created_at, chunks.c.published_at):
            connection.execute(
                update(chunks)
                .where(chunks.c.job_id == job_id, column.is_not(None))
                .values({column: now(-seconds)})
            )


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Store]:
    """A store on PostgreSQL, where writers run concurrently."""
    with Store(postgres_url) as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A store without tables, once of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{request.getfixturevalue('tmp_path') / 'empty.db'}"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    with Store(url) as store:
        yield store


def wait_until_blocked(store: Store, *others: Future[Any]) -> None:
    """Wait until each of these transactions of a PostgreSQL store has ended, or waits for a lock."""
    blocked = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )

    def settled() -> bool:
        with store.reading() as connection:
            waiting: int = connection.execute(blocked).scalar_one()
        return waiting + sum(other.done() for other in others) >= len(others)

    eventually(settled, "the transactions end or wait for a lock")
