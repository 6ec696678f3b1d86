"""A retry is refused when the job has not ended by itself, or when nothing in it can run again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from qwenq.schemas.errors import JobNotRetryable, NothingToRetry
from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.pausing import pause_job
from qwenq.store.life.retrying import retry_failed
from tests.builders import (
    answer,
    answer_all,
    failure,
    finish,
    make_job,
    make_worker,
)
from tests.integration.store.conftest import Audited, audited_status, wait_until_blocked
from tests.integration.store.life.retrying.conftest import claim_waiting, retry


@pytest.mark.parametrize(
    ("state", "remedy"),
    [
        (JobState.QUEUED, "once it has ended"),
        (JobState.PAUSED, "qwenq resume"),
        (JobState.CANCELLED, "as a new job"),
    ],
)
def test_a_job_that_did_not_end_by_itself_cannot_be_retried(
    store: Store, audited: Audited, worker_id: int, state: JobState, remedy: str
) -> None:
    job_id = make_job(store, documents=8)
    finish(store, claim_waiting(store, job_id, worker_id), [failure(seq) for seq in range(4)])
    with store.writing() as connection:
        if state == JobState.PAUSED:
            pause_job(connection, job_id)
        elif state == JobState.CANCELLED:
            cancel_job(connection, job_id)
    before = audited(job_id)
    with pytest.raises(JobNotRetryable, match=remedy):
        retry(store, job_id)
    assert audited(job_id) == before


def test_a_retry_without_failures_says_why_and_leaves_the_job_ended(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    before = audited(job_id)
    with pytest.raises(NothingToRetry, match=r"with the code tolong: .*too_long \(1\)"):
        retry(store, job_id, "tolong")
    with pytest.raises(NothingToRetry, match=r"invalid_row \(1\).* 1 of them are bad rows"):
        retry(store, job_id, "invalid_row")
    assert audited(job_id) == before
    clean = make_job(store, documents=2)
    answer_all(store, clean, worker_id)
    with pytest.raises(NothingToRetry, match="retry: no document failed"):
        retry(store, clean)


def test_the_second_of_two_concurrent_retries_is_refused(postgres: Store, audited_postgres: Audited) -> None:
    job_id = make_job(postgres, documents=4)
    worker_id = make_worker(postgres)
    finish(postgres, claim_waiting(postgres, job_id, worker_id), [answer(0), *map(failure, range(1, 4))])
    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            assert retry_failed(connection, job_id) == 3
            second = threads.submit(retry, postgres, job_id)
            wait_until_blocked(postgres, second)
        with pytest.raises(JobNotRetryable, match="is queued"):
            second.result(30)
    audited_postgres(job_id)


@pytest.fixture
def audited_postgres(postgres: Store) -> Audited:
    return lambda job_id: audited_status(postgres, job_id)
