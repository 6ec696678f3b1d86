"""A job's life: its states, and a status that agrees with its documents after every step."""

from qwenq.schemas.chunks import PlannedChunk
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import JobSpec, JobStatus, Priority, PromptSpec
from qwenq.schemas.states import ChunkState, JobState
from qwenq.store.database.store import Store
from qwenq.store.life.chunks import insert_chunks
from qwenq.store.life.claims import release_chunk
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import queue_job
from qwenq.store.life.jobs import create_job
from qwenq.store.life.one_shots import forget_one_shot, job_to_continue
from qwenq.store.life.rescue import rescue_expired
from qwenq.store.views.jobs.details import job_sources
from qwenq.store.views.jobs.statuses import job_status, job_statuses
from qwenq.store.views.work.assignments import assignment_of
from tests.builders import (
    EXPIRED,
    MODEL,
    answer,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    rows,
    write,
)
from tests.integration.store.conftest import Audited, but_for_the_clock


def test_the_status_follows_every_step_of_a_job(store: Store, audited: Audited) -> None:
    worker_id = make_worker(store)
    job_id = make_job(store, documents=12, chunk_documents=5, bad=(2,), released=False)
    assert _told(audited(job_id)) == ("validating", {"total": 12, "pending": 11, "failed": 1})
    with store.writing() as connection:
        queue_job(connection, job_id)
    assert _told(audited(job_id)) == ("queued", {"total": 12, "pending": 11, "failed": 1})
    first, second, third = chunks_of(store, job_id)
    claim = claim_one(store, first, worker_id)
    assert _told(audited(job_id)) == ("running", {"total": 12, "pending": 6, "running": 5, "failed": 1})
    write(store, claim, [answer(0), failure(1)])
    assert _told(audited(job_id))[1] == {
        "total": 12, "pending": 6, "running": 3, "succeeded": 1, "failed": 2,
    }  # fmt: skip
    with store.writing() as connection:
        release_chunk(connection, claim)
    assert _told(audited(job_id))[1] == {"total": 12, "pending": 9, "succeeded": 1, "failed": 2}
    crashing = claim_one(store, second, worker_id, EXPIRED)
    write(store, crashing, [answer(crashing.first_seq)])
    with store.writing() as connection:
        rescue_expired(connection, max_crashes=2)
    assert _told(audited(job_id))[1] == {"total": 12, "pending": 8, "succeeded": 2, "failed": 2}
    for chunk_id in (first, second):
        finish(store, claim_one(store, chunk_id, worker_id))
        assert audited(job_id).state == JobState.RUNNING
    assert finish(store, claim_one(store, third, worker_id)) == JobState.COMPLETED
    assert _told(audited(job_id)) == ("completed", {"total": 12, "succeeded": 10, "failed": 2})


def test_times_and_rate_are_of_the_running_time(store: Store, audited: Audited) -> None:
    worker_id = make_worker(store)
    job_id = make_job(store, documents=3)
    waiting = audited(job_id)
    assert (waiting.started_at, waiting.finished_at, waiting.tokens_per_second) == (None, None, None)
    claim = claim_one(store, chunks_of(store, job_id)[0], worker_id)
    running = audited(job_id)
    assert running.started_at is not None
    assert running.created_at <= running.started_at
    finish(store, claim)
    ended = audited(job_id)
    assert ended.started_at == running.started_at
    assert ended.finished_at is not None
    seconds = (ended.finished_at - running.started_at).total_seconds()
    assert seconds >= 0
    assert ended.tokens_per_second == (round(9 / seconds, 2) if seconds else None)
    assert str(ended.created_at.tzinfo) == "UTC"


def test_a_job_where_nothing_succeeded_has_failed(store: Store, audited: Audited) -> None:
    job_id = make_job(store, documents=2, bad=(0,))
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    assert finish(store, claim, [failure(1)]) == JobState.FAILED
    assert _told(audited(job_id)) == ("failed", {"total": 2, "failed": 2})


def test_a_chunk_of_bad_rows_only_is_done_at_once(store: Store, audited: Audited) -> None:
    with store.writing() as connection:
        job_id = create_job(connection, JobSpec(model=MODEL))
        insert_rows(connection, job_id, 0, rows(5, bad=(0, 1)), ["in.jsonl"])
        insert_chunks(connection, job_id, [PlannedChunk(0, 1, rejected=2), PlannedChunk(2, 4)])
        queue_job(connection, job_id)
    bad, good = chunks_of(store, job_id)
    assert chunks_of(store, job_id, ChunkState.DONE) == [bad]
    audited(job_id)
    assert finish(store, claim_one(store, good, make_worker(store))) == JobState.COMPLETED
    audited(job_id)


def test_an_assignment_has_the_prompt_and_parameters_that_were_stored(store: Store) -> None:
    spec = JobSpec(
        model=MODEL,
        name="Verträge 東京",
        prompt=PromptSpec(template="Sum up: {{ text }}\n\u2028'\"\\", system="Be brief.", text_column="body"),
        params=GenerationParams(max_new_tokens=7, temperature=0.5, seed=3, stop=("\n\n", "END")),
        priority=Priority.HIGH,
        sources=("a/b.jsonl", "-"),
    )
    with store.writing() as connection:
        job_id = create_job(connection, spec)
        insert_rows(connection, job_id, 0, rows(1), spec.sources)
        insert_chunks(connection, job_id, [PlannedChunk(0, 0)])
        queue_job(connection, job_id)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.reading() as connection:
        assignment = assignment_of(connection, claim)
        assert (assignment.prompt, assignment.params) == (spec.prompt, spec.params)
        assert tuple(job_sources(connection, job_id)) == spec.sources
        status = job_status(connection, job_id)
    assert status is not None
    assert (status.name, status.model) == (spec.name, MODEL)


def test_jobs_are_listed_newest_first(store: Store) -> None:
    made = [make_job(store, documents=2) for _ in range(4)]
    answer_all(store, made[0], make_worker(store))
    with store.reading() as connection:
        listed = job_statuses(connection, limit=3)
        alone = [found for job_id in reversed(made[1:]) if (found := job_status(connection, job_id))]
        assert list(map(but_for_the_clock, listed)) == list(map(but_for_the_clock, alone))
        assert [one.state for one in job_statuses(connection, limit=9)][-1] == JobState.COMPLETED


def test_a_missing_job_has_no_status(store: Store) -> None:
    with store.reading() as connection:
        assert job_status(connection, 12345) is None
        assert job_statuses(connection, limit=5) == []


def test_an_interrupted_one_shot_goes_on_with_its_newest_job(store: Store) -> None:
    with store.writing() as connection:
        older, newer, unstored, other = (
            create_job(connection, JobSpec(model=MODEL), one_shot_key=key) for key in ("k", "k", "k", "other")
        )
        for job_id in (older, newer, other):
            queue_job(connection, job_id)
    with store.reading() as connection:
        assert job_to_continue(connection, "k") == newer != unstored
        assert job_to_continue(connection, "unknown") is None
    with store.writing() as connection:
        forget_one_shot(connection, newer)
        assert job_to_continue(connection, "k") == older


def _told(status: JobStatus) -> tuple[str, dict[str, int]]:
    return status.state, {name: count for name, count in status.documents.model_dump().items() if count}
