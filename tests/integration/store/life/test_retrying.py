"""Retrying: only failed documents run again; earlier failures are kept; earlier rounds cannot write."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from qwenq.schemas.chunks import Claim
from qwenq.schemas.documents import BadRow
from qwenq.schemas.errors import InvalidOverride, JobNotRetryable, LeaseLost, NothingToRetry
from qwenq.schemas.states import ChunkState, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.cancelling import cancel_job
from qwenq.store.life.claims import claim_next, hold_fence
from qwenq.store.life.pausing import pause_job
from qwenq.store.life.rescue import POISON, rescue_expired
from qwenq.store.life.retrying import retry_failed
from qwenq.store.views.answers.failures import history_of
from qwenq.store.views.answers.results import errors_of, results_of
from qwenq.store.views.work.announcements import unannounced_of_job
from tests.builders import (
    EXPIRED,
    LEASE,
    answer,
    answer_all,
    answers,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
    store_job,
    write,
)
from tests.integration.store.conftest import Audited, wait_until_blocked


@pytest.fixture
def worker_id(store: Store) -> int:
    return make_worker(store)


@pytest.fixture
def job_id(store: Store, worker_id: int) -> int:
    """An ended job of three chunks: document 1 too long, 2 poison, 5 poison; 9 is a bad row."""
    job_id = make_job(store, documents=12, bad=(9,))
    failures = {1: failure(1), 2: failure(2, POISON, "deadly"), 5: failure(5, POISON, "deadly")}
    for chunk_id in chunks_of(store, job_id):
        claim = claim_one(store, chunk_id, worker_id)
        finish(store, claim, [failures.get(one.seq, one) for one in answers(claim) if one.seq != 9])
    return job_id


def test_failed_documents_wait_again_and_nothing_else_does(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    ended = audited(job_id)
    assert (ended.state, ended.documents.failed) == (JobState.COMPLETED, 4)
    before = _texts(store, job_id)
    assert _retry(store, job_id) == 3
    status = audited(job_id)
    assert (status.state, status.documents.pending, status.documents.failed) == (JobState.QUEUED, 3, 1)
    assert status.finished_at is None
    assert _answer_again(store, job_id, worker_id) == {1, 2, 5}
    again = audited(job_id)
    assert (again.state, again.documents.succeeded, again.documents.failed) == (JobState.COMPLETED, 11, 1)
    assert ended.finished_at is not None
    assert again.finished_at is not None
    assert again.finished_at > ended.finished_at
    after = _texts(store, job_id)
    assert {seq: after[seq] for seq in before} == before


def test_a_retry_with_codes_runs_only_failures_with_these_codes(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    assert _retry(store, job_id, "too_long", "never_seen") == 1
    assert _answer_again(store, job_id, worker_id) == {1}
    assert _retry(store, job_id, POISON) == 2
    assert _answer_again(store, job_id, worker_id) == {2, 5}
    assert (audited(job_id).documents.failed, audited(job_id).state) == (1, JobState.COMPLETED)


def test_earlier_failures_are_kept_whatever_the_retry_gives(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    _retry(store, job_id, "too_long")
    finish(store, _claim_next(store, job_id, worker_id), [failure(1, "out_of_memory", "no room")])
    _retry(store, job_id)
    answer_all(store, job_id, worker_id)
    audited(job_id)
    with store.reading() as connection:
        history = [
            (line.custom_id, line.line, line.round, line.error.code)
            for line in history_of(connection, job_id)
        ]
        times = [line.failed_at for line in history_of(connection, job_id)]
        (bad,) = errors_of(connection, job_id)
    assert history == [
        ("d1", 2, 1, "too_long"), ("d1", 2, 2, "out_of_memory"), ("d2", 3, 1, POISON), ("d5", 6, 1, POISON),
    ]  # fmt: skip
    assert times[0] < times[1]
    assert (bad.custom_id, bad.attempts, bad.earlier) == (None, 0, ())


def test_an_error_line_has_the_attempts_and_earlier_failures(
    store: Store, job_id: int, worker_id: int
) -> None:
    _retry(store, job_id, "too_long")
    finish(store, _claim_next(store, job_id, worker_id), [failure(1, "out_of_memory", "no room")])
    with store.reading() as connection:
        errors = {error.custom_id: error for error in errors_of(connection, job_id)}
    retried, other = errors["d1"], errors["d2"]
    assert (retried.attempts, retried.error.code) == (2, "out_of_memory")
    assert [(past.round, past.error.code) for past in retried.earlier] == [(1, "too_long")]
    assert (other.attempts, other.earlier) == (1, ())


def test_the_history_of_a_job_of_several_files_names_them(store: Store, worker_id: int) -> None:
    job_id = store_job(store, [row(0), row(0, "b", source=1)], sources=("a.jsonl", "b.jsonl"))
    finish(store, _claim_next(store, job_id, worker_id), [answer(0), failure(1)])
    _retry(store, job_id)
    with store.reading() as connection:
        (line,) = history_of(connection, job_id)
    assert line.error.message == "b.jsonl: much too long"


def test_the_history_is_read_page_by_page(
    store: Store, worker_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwenq.store.views.answers.failures.PAGE_ROWS", 3)
    job_id = make_job(store, documents=4)
    for _ in range(2):
        finish(store, _claim_next(store, job_id, worker_id), [failure(seq) for seq in range(4)])
        _retry(store, job_id)
    with store.reading() as connection:
        told = [(line.custom_id, line.round) for line in history_of(connection, job_id)]
    assert told == [(f"d{seq}", number) for seq in range(4) for number in (1, 2)]


def test_a_retried_poison_document_runs_alone(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    _retry(store, job_id)
    audited(job_id)
    claims = [_claim_next(store, job_id, worker_id) for _ in range(3)]
    assert [(claim.first_seq, claim.last_seq, claim.suspect) for claim in claims] == [
        (0, 1, False), (2, 2, True), (5, 5, True),
    ]  # fmt: skip


def test_a_retried_poison_document_gets_all_its_chances_and_fails_alone(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    _retry(store, job_id)
    crashes = 0
    while claim := _try_next(store, job_id, worker_id):
        if claim.first_seq != 2:
            finish(store, claim)
            continue
        crashes += 1
        with store.writing() as connection:
            hold_fence(connection, claim, EXPIRED)
            assert rescue_expired(connection, max_crashes=2).found == 1
    assert crashes == 2
    assert audited(job_id).documents.failed == 2
    with store.reading() as connection:
        (poison, _) = errors_of(connection, job_id)
    assert (poison.custom_id, poison.error.code, poison.attempts) == ("d2", POISON, 2)


def test_a_worker_of_an_earlier_round_can_write_nothing(
    store: Store, audited: Audited, worker_id: int
) -> None:
    job_id = make_job(store, documents=4)
    zombie = claim_one(store, chunks_of(store, job_id)[0], worker_id, EXPIRED)
    with store.writing() as connection:
        assert rescue_expired(connection, max_crashes=2).requeued == 1
    ended = claim_one(store, zombie.chunk_id, worker_id)
    finish(store, ended, [answer(0), answer(1), failure(2), failure(3)])
    _retry(store, job_id)
    for stale in (zombie, ended):
        with pytest.raises(LeaseLost):
            write(store, stale, [answer(2, "stale")])
    again = claim_one(store, zombie.chunk_id, worker_id)
    for stale in (zombie, ended):
        with pytest.raises(LeaseLost):
            write(store, stale, [answer(2, "stale")], LEASE)
    finish(store, again, [answer(2, "fresh"), answer(3, "fresh")])
    assert audited(job_id).documents.succeeded == 4
    assert list(_texts(store, job_id).values()) == ["answer 0", "answer 1", "fresh", "fresh"]


def test_a_failed_job_completes_when_its_retry_succeeds(
    store: Store, audited: Audited, worker_id: int
) -> None:
    job_id = make_job(store, documents=2)
    finish(store, _claim_next(store, job_id, worker_id), [failure(0), failure(1)])
    assert audited(job_id).state == JobState.FAILED
    _retry(store, job_id)
    answer_all(store, job_id, worker_id)
    assert audited(job_id).state == JobState.COMPLETED


def test_a_retry_announces_only_the_chunks_that_wait_again(store: Store, job_id: int) -> None:
    with store.writing() as connection:
        connection.execute(update(chunks).values(published_at=now()))
    _retry(store, job_id, "too_long")
    with store.reading() as connection:
        assert [notice.chunk_id for notice in unannounced_of_job(connection, job_id)] == chunks_of(
            store, job_id, ChunkState.QUEUED
        )
    assert len(chunks_of(store, job_id, ChunkState.QUEUED)) == 1


def test_the_time_between_two_rounds_is_left_out_of_the_speed(
    store: Store, audited: Audited, worker_id: int
) -> None:
    """Ten seconds of work, an hour until the retry and its first claim, ten seconds of work."""
    job_id = make_job(store, documents=2)
    finish(store, _claim_next(store, job_id, worker_id), [answer(0), failure(1)])
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-3610.0), finished_at=now(-3600.0)))
    before = audited(job_id)
    _retry(store, job_id)
    assert audited(job_id).tokens_per_second == before.tokens_per_second
    claim = _claim_next(store, job_id, worker_id)
    with store.writing() as connection:
        connection.execute(update(jobs).values(started_at=now(-3620.0)))
    finish(store, claim, [answer(1)])
    status = audited(job_id)
    assert status.tokens_per_second == pytest.approx(status.usage.completion_tokens / 20, 0.05)


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
    finish(store, _claim_next(store, job_id, worker_id), [failure(seq) for seq in range(4)])
    with store.writing() as connection:
        if state == JobState.PAUSED:
            pause_job(connection, job_id)
        elif state == JobState.CANCELLED:
            cancel_job(connection, job_id)
    before = audited(job_id)
    with pytest.raises(JobNotRetryable, match=remedy):
        _retry(store, job_id)
    assert audited(job_id) == before


def test_a_retry_without_failures_says_why_and_leaves_the_job_ended(
    store: Store, audited: Audited, job_id: int, worker_id: int
) -> None:
    before = audited(job_id)
    with pytest.raises(NothingToRetry, match=r"with the code tolong: .*too_long \(1\)"):
        _retry(store, job_id, "tolong")
    with pytest.raises(NothingToRetry, match=r"invalid_row \(1\).* 1 of them are bad rows"):
        _retry(store, job_id, "invalid_row")
    assert audited(job_id) == before
    clean = make_job(store, documents=2)
    answer_all(store, clean, worker_id)
    with pytest.raises(NothingToRetry, match="retry: no document failed"):
        _retry(store, clean)


def test_a_bad_row_never_runs_whatever_its_code(store: Store, audited: Audited, worker_id: int) -> None:
    """The same code also stands for documents that failed in a worker, and those do run again."""
    code = InvalidOverride.code
    job_id = store_job(store, [row(0), BadRow(0, 2, "{}", "no such parameter", code)])
    finish(store, _claim_next(store, job_id, worker_id), [failure(0, code)])
    assert _retry(store, job_id, code) == 1
    assert _answer_again(store, job_id, worker_id) == {0}
    assert (audited(job_id).documents.succeeded, audited(job_id).documents.failed) == (1, 1)


def test_the_second_of_two_concurrent_retries_is_refused(postgres: Store, audited_postgres: Audited) -> None:
    job_id = make_job(postgres, documents=4)
    worker_id = make_worker(postgres)
    finish(postgres, _claim_next(postgres, job_id, worker_id), [answer(0), *map(failure, range(1, 4))])
    with ThreadPoolExecutor() as threads:
        with postgres.writing() as connection:
            assert retry_failed(connection, job_id) == 3
            second = threads.submit(_retry, postgres, job_id)
            wait_until_blocked(postgres, second)
        with pytest.raises(JobNotRetryable, match="is queued"):
            second.result(30)
    audited_postgres(job_id)


@pytest.fixture
def audited_postgres(postgres: Store) -> Audited:
    from tests.integration.store.conftest import audited_status

    return lambda job_id: audited_status(postgres, job_id)


def _retry(store: Store, job_id: int, *codes: str) -> int:
    with store.writing() as connection:
        return retry_failed(connection, job_id, codes)


def _try_next(store: Store, job_id: int, worker_id: int) -> Claim | None:
    with store.writing() as connection:
        return claim_next(connection, job_id, 10**6, worker_id, LEASE)


def _claim_next(store: Store, job_id: int, worker_id: int) -> Claim:
    claim = _try_next(store, job_id, worker_id)
    assert claim is not None
    return claim


def _answer_again(store: Store, job_id: int, worker_id: int) -> set[int]:
    """Answer what waits. Returns the documents that were handed out."""
    from qwenq.store.views.work.assignments import assignment_of

    handed_out: set[int] = set()
    while claim := _try_next(store, job_id, worker_id):
        with store.reading() as connection:
            seqs = [seq for seq, _ in assignment_of(connection, claim).documents]
        handed_out.update(seqs)
        finish(store, claim, [answer(seq, f"again {seq}") for seq in seqs])
    return handed_out


def _texts(store: Store, job_id: int) -> dict[str, str]:
    with store.reading() as connection:
        return {result.custom_id: result.text for result in results_of(connection, job_id)}
