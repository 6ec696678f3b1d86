"""Each service does its work under its own database role."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from qwenq.actions.changing import cancel, pause, resume, retry
from qwenq.actions.pruning import prune
from qwenq.actions.request import JobRequest
from qwenq.api import submit
from qwenq.schedules import by_hand, commands
from qwenq.schemas.documents import Document
from qwenq.schemas.jobs import JobSpec, JobStatus, TokenUsage
from qwenq.schemas.parts import Part, PartAnswer
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.service.stored import JOB_KEY, BatchFault, BatchRequest, KeptBytes, Purpose, UploadRequest
from qwenq.schemas.service.tenants import LOCAL, Caller, Role
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import BatchState, ChunkState, JobState, RunState
from qwenq.schemas.tables.core import jobs
from qwenq.store.api_batches.batches import create_batch
from qwenq.store.api_batches.changing import pause_batch, resume_batch, retry_batch
from qwenq.store.api_batches.life import (
    ToDo,
    begin_batch,
    fail_batch,
    hold_to_finalize,
    hold_to_validate,
    publish_batch,
    read_to_do,
)
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.files.stored_files import delete_file, insert_file
from qwenq.store.files.uploads import (
    cancel_upload,
    complete_upload,
    expire_uploads,
    insert_part,
    insert_upload,
)
from qwenq.store.life.claims import release_chunk
from qwenq.store.life.documents import insert_rows
from qwenq.store.life.half_jobs import begin_job
from qwenq.store.life.questions import cancel_question, insert_question, note_unannounced
from qwenq.store.life.removal import remove_abandoned
from qwenq.store.life.rescue import rescue_held_by
from qwenq.store.life.workers import note_stopping
from qwenq.store.outcomes.parts import insert_parts
from qwenq.store.tenants.audit import note_deed
from qwenq.store.tenants.keys import create_key, note_use, valid_key
from qwenq.store.tenants.tenants import insert_tenant
from qwenq.store.tenants.webhooks import set_webhook
from qwenq.store.views.answers.ended_lines import ended_lines, read_ended
from qwenq.store.views.jobs.statuses import job_status
from tests.builders import (
    answer,
    answer_all,
    chunks_of,
    claim_one,
    failure,
    finish,
    make_job,
    make_worker,
    row,
    suspect,
    write,
)
from tests.integration.roles.database import as_role
from tests.processes import Fleet, write_jsonl
from tests.waiting import eventually


@pytest.fixture
def fleets(settings_of: Callable[[str], Settings], redis: None) -> Iterator[Callable[[str], Fleet]]:
    """Start services under roles."""
    started: list[Fleet] = []

    def of_role(role: str) -> Fleet:
        started.append(Fleet(settings_of(role)))
        return started[-1]

    yield of_role
    for fleet in started:
        fleet.kill()


def status_of(settings: Settings, job_id: int) -> JobStatus:
    assert settings.database_url
    with Store(settings.database_url) as store, store.reading() as connection:
        status = job_status(connection, job_id)
    assert status is not None
    return status


def wait_for(settings: Settings, job_id: int, state: JobState) -> JobStatus:
    eventually(lambda: status_of(settings, job_id).state is state, f"job {job_id} is {state}", 120)
    return status_of(settings, job_id)


def test_a_job_is_submitted_answered_and_changed_under_the_role_of_each_service(
    settings_of: Callable[[str], Settings], fleets: Callable[[str], Fleet], tmp_path: Path
) -> None:
    producer, flower = settings_of("qwenq_producer"), settings_of("qwenq_flower")
    rows: list[dict[str, object]] = [{"text": "good"}, {"text": "good too"}, {"nothing": "bad"}]
    file = write_jsonl(tmp_path / "rows.jsonl", rows)

    place = "http://127.0.0.1:9/hook"
    waiting = submit([file], model="echo", notify=[place], settings=producer).id
    pause(waiting, flower)
    assert status_of(flower, waiting).state is JobState.PAUSED
    resume(waiting, flower)
    dropped = submit([file], model="echo", settings=producer).id
    cancel(dropped, flower)

    fleets("qwenq_worker").start("worker", "--model", "echo")
    ended = wait_for(flower, waiting, JobState.COMPLETED)
    assert (ended.documents.succeeded, ended.documents.failed) == (2, 1)
    assert status_of(flower, dropped).state is JobState.CANCELLED


def test_a_schedule_runs_under_the_roles_of_beat_and_worker(
    settings_of: Callable[[str], Settings], fleets: Callable[[str], Fleet], tmp_path: Path
) -> None:
    beat = settings_of("qwenq_beat").model_copy(update={"model": "echo"})
    files = [str(write_jsonl(tmp_path / "rows.jsonl", [{"text": "one"}, {"text": "two"}]))]
    policy = RunPolicy(output=str(tmp_path / "out.jsonl"))
    commands.add("nightly", ("0 2 * * *", "UTC"), JobRequest(files=files), policy, beat)
    fleets("qwenq_beat").start("beat")
    fleets("qwenq_worker").start("worker", "--model", "echo")
    by_hand.run("nightly", beat)
    eventually(lambda: commands.show("nightly", beat).runs[0].finished_at, "the run has ended", 120)
    [run] = commands.show("nightly", beat).runs
    assert run.state is RunState.SUCCEEDED
    flower = settings_of("qwenq_flower")
    by_hand.ask_for_delivery_of("nightly", run.id, flower)
    by_hand.ask_for_run("nightly", flower, run.id)
    commands.pause("nightly", flower)
    commands.change("nightly", {"cron": "0 3 * * *"}, (), flower)


def test_a_failed_document_is_retried_under_the_role_of_flower(
    settings_of: Callable[[str], Settings], fleets: Callable[[str], Fleet], tmp_path: Path
) -> None:
    rows: list[dict[str, object]] = [{"text": "good"}, {"text": "fails", "n": 0}]
    file = write_jsonl(tmp_path / "rows.jsonl", rows)
    prompt = "{{ text }}{{ 1 / n if n is defined else '' }}"
    job_id = submit([file], model="echo", prompt=prompt, settings=settings_of("qwenq_producer")).id
    fleets("qwenq_worker").start("worker", "--model", "echo")
    flower = settings_of("qwenq_flower")
    assert wait_for(flower, job_id, JobState.COMPLETED).documents.failed == 1
    retry(job_id, (), flower)
    wait_for(flower, job_id, JobState.COMPLETED)


def test_a_worker_may_write_all_that_workers_write(guarded_url: str) -> None:
    with Store(guarded_url) as store:
        job_id = make_job(store, documents=4, chunk_documents=4)
    with Store(as_role(guarded_url, "qwenq_worker")) as store:
        worker_id = make_worker(store)
        [chunk_id] = chunks_of(store, job_id)
        claim = claim_one(store, chunk_id, worker_id)
        part = {Part(0, 0, 0, 0, 9): PartAnswer("one", FinishReason.STOP, Usage(10, 2, 1, 3), 0.5)}
        with store.writing() as connection:
            for _ in range(2):  # A part may be computed again.
                insert_parts(connection, claim, part)
        write(store, claim, [answer(0), failure(1)])
        suspect(store, chunk_id)
        with store.writing() as connection:
            release_chunk(connection, claim)
            note_stopping(connection, worker_id)
        # Two crashes halve the chunk, two more find the document.
        for _ in range(8):
            for waiting in chunks_of(store, job_id, ChunkState.QUEUED):
                claim_one(store, waiting, worker_id)
            with store.writing() as connection:
                rescue_held_by(connection, worker_id, 1)
        with store.reading() as connection:
            ended = job_status(connection, job_id)
    assert ended is not None
    assert (ended.documents.succeeded, ended.documents.failed) == (1, 3)


def test_a_producer_removes_what_a_killed_submit_left_and_beat_prunes(
    guarded_url: str, settings_of: Callable[[str], Settings]
) -> None:
    with Store(as_role(guarded_url, "qwenq_producer")) as store:
        with store.writing() as connection:
            half = begin_job(connection, JobSpec(model="echo", sources=("killed.jsonl",)), None, 60.0)
            assert half is not None
            insert_rows(connection, half.job_id, 0, [row(place) for place in range(3)], ())
            connection.execute(update(jobs).values(holder_expires_at=now(-60.0)))
        assert remove_abandoned(store, 60.0) == 1
    with Store(guarded_url) as store:
        job_id = make_job(store, documents=2)
        answer_all(store, job_id, make_worker(store))
    report = prune(settings_of("qwenq_beat"), 0.0, lambda _: None)
    assert [job.id for job in report.jobs] == [job_id]


def test_the_service_reads_pauses_and_retries_batches_under_its_role(guarded_url: str) -> None:
    anna = Caller(LOCAL, "anna", Role.ADMIN, "sk-", "req")
    wanted = BatchRequest("file-a", "/v1/chat/completions", "24h", 60.0, None, None)
    with Store(guarded_url) as store:
        job_id = make_job(store, documents=2)
    with Store(as_role(guarded_url, "qwenq_api")) as service:
        with service.writing() as connection:
            batch = create_batch(connection, anna, wanted, is_repeated=False)
            held = hold_to_validate(connection, 60.0)
            assert held is not None
            begin_batch(connection, held, job_id, "m", 2)
        with Store(guarded_url) as store:
            with store.writing() as connection:
                connection.execute(update(jobs).values(idempotency_key=JOB_KEY + batch.id))
            with service.writing() as connection:
                assert pause_batch(connection, anna, batch.id) is not None
                assert resume_batch(connection, anna, batch.id) is not None
            claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
            finish(store, claim, [answer(0), failure(1)])
        with service.writing() as connection:
            ended = read_ended(connection, job_id)
            assert ended is not None
            assert (ended.places, len(ended_lines(connection, job_id, 0, 2, with_rows=True))) == (2, 2)
            held = hold_to_finalize(connection, 60.0)
            assert held is not None
            publish_batch(connection, held, 1, 1, TokenUsage(), None, None)
            again = retry_batch(connection, anna, batch.id, 60.0, is_repeated=False)
            assert again is not None
            assert again.state == BatchState.IN_PROGRESS


def test_the_service_keeps_files_and_batches_under_its_role(guarded_url: str) -> None:
    with Store(as_role(guarded_url, "qwenq_beat")) as store, store.writing() as connection:
        insert_tenant(connection, "acme", waits_for_models=False)
        key, _ = create_key(connection, "acme", "anna", Role.MEMBER, None)
        set_webhook(connection, "acme", "https://acme.example")
    anna = Caller("acme", "anna", Role.MEMBER, "sk-", "req")
    wanted = BatchRequest("file-a", "/v1/chat/completions", "24h", 60.0, None, None)
    with Store(as_role(guarded_url, "qwenq_api")) as store, store.writing() as connection:
        found = valid_key(connection, key)
        assert found is not None
        note_use(connection, found[0].id)
        insert_file(connection, KeptBytes("file-a", 1, b""), "acme", "anna", Purpose.BATCH, "a", None)
        batch = create_batch(connection, anna, wanted, is_repeated=False)
        note_deed(connection, "acme", "sk-", "batch.create", batch.id)
        held = hold_to_validate(connection, 60.0)
        assert held is not None
        fail_batch(connection, held, [BatchFault("empty_file", "It is empty.")])
        assert read_to_do(connection) == ToDo(validate=False, expire=False, finalize=False)
        assert delete_file(connection, anna, "file-a") is not None
        upload = UploadRequest(Purpose.BATCH, "a", "b", 1, None)
        begun, other = (insert_upload(connection, anna, upload, 60.0) for _ in range(2))
        assert insert_part(connection, begun, KeptBytes("part_a", 1, b""), 1) is not None
        assert complete_upload(connection, begun, "file-b") == ["part_a"]
        assert cancel_upload(connection, other) == []
        expire_uploads(connection, 1)
        spec = JobSpec(model="m", name="q", tenant="acme", urgent=True)
        job_id, chunk_id = insert_question(connection, spec, Document("q", 0, 1, "{}"))
        note_unannounced(connection, chunk_id)
        assert cancel_question(connection, job_id, "q")
