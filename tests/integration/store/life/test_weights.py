"""A job is answered by the weights that began it, unless others are allowed."""

import pytest
from sqlalchemy import update

from qwenq.embedded import going_on
from qwenq.schemas.chunks import Assignment
from qwenq.schemas.jobs import JobSpec, JobStatus
from qwenq.schemas.settings import Settings
from qwenq.schemas.states import JobChange, JobState
from qwenq.schemas.tables.core import chunks, jobs
from qwenq.schemas.workers import LoadedWeights
from qwenq.store.database.clock import now
from qwenq.store.database.store import Store
from qwenq.store.life.chunks import mark_announced
from qwenq.store.life.jobs import note_change
from qwenq.store.life.pausing import resume_job
from qwenq.store.life.weights import allow_mixed_weights
from qwenq.store.life.workers import note_stopped
from qwenq.store.views.jobs.statuses import job_status
from qwenq.store.views.monitoring.health_facts import waiting_models
from qwenq.store.views.work.announcements import announced_for_worker
from qwenq.wording.jobs import job_line
from qwenq.worker.store_process.claiming import ANY_CRASHES, Terms, claim_beside, claim_named, claim_next
from tests.builders import MODEL, chunks_of, make_job, make_worker

KEY = "the same command"


def claim(
    store: Store, revision: str | None, chunk_id: int | None = None, digest: str | None = None
) -> Assignment | None:
    """Claim as a worker with these weights. No longer than it claims, it lives."""
    weights = LoadedWeights(revision, digest)
    worker_id = make_worker(store, weights=weights)
    terms = Terms(MODEL, worker_id, 60, weights)
    taken = claim_next(store, terms, ANY_CRASHES) if chunk_id is None else claim_named(store, terms, chunk_id)
    with store.writing() as connection:
        note_stopped(connection, worker_id)
    return taken


def status_of(store: Store, job_id: int) -> JobStatus:
    with store.reading() as connection:
        status = job_status(connection, job_id)
    assert status is not None
    return status


@pytest.fixture
def begun(store: Store) -> int:
    """A job of two chunks; a worker with the revision `old`, which has ended, claimed the first."""
    job_id = make_job(store, documents=2, chunk_documents=1)
    assert claim(store, "old", digest="same") is not None
    return job_id


def test_a_worker_with_other_weights_pauses_a_begun_job_and_takes_the_next(store: Store, begun: int) -> None:
    other = make_job(store, documents=1)
    taken = claim(store, "new", chunks_of(store, begun)[1])
    assert taken is not None
    assert taken.claim.job_id == other
    status = status_of(store, begun)
    assert status.state == JobState.PAUSED
    assert status.last_change is not None
    assert status.last_change.change == JobChange.HELD
    assert f"other weights of the model: `qwenq resume {begun}` goes on with both" in job_line(status)


@pytest.mark.parametrize("named", [True, False], ids=["by its message", "as the next"])
def test_other_weights_leave_a_job_to_a_live_worker_with_its_own(
    store: Store, begun: int, named: bool
) -> None:
    living = make_worker(store, weights=LoadedWeights("newer", "same"))
    chunk_id = chunks_of(store, begun)[1]
    assert claim(store, "new", chunk_id if named else None) is None
    assert status_of(store, begun).state == JobState.RUNNING
    with store.writing() as connection:
        note_stopped(connection, living)
    assert claim(store, "new", chunk_id if named else None) is None
    assert status_of(store, begun).state == JobState.PAUSED


def test_chunks_left_to_other_workers_make_none_of_the_rest_deaf(store: Store, begun: int) -> None:
    with store.writing() as connection:
        mark_announced(connection, chunks_of(store, begun))
        connection.execute(update(chunks).values(published_at=now(-100)))
    weights = {"right": LoadedWeights("newer", "same"), "other": LoadedWeights("new", "other")}
    ids = {name: make_worker(store, weights=loaded) for name, loaded in weights.items()}

    def told() -> dict[str, tuple[int, bool]]:
        with store.reading() as connection:
            [waiting] = waiting_models(connection)
            return {
                name: (
                    len(announced_for_worker(connection, worker_id, 30)),
                    worker_id in waiting.for_others,
                )
                for name, worker_id in ids.items()
            }

    assert told() == {"right": (1, False), "other": (0, True)}
    with store.writing() as connection:
        note_stopped(connection, ids["right"])
    assert told()["other"] == (1, False)


def test_a_commit_that_changes_no_decisive_file_goes_on(store: Store, begun: int) -> None:
    assert claim(store, "newer", digest="same") is not None
    assert status_of(store, begun).state == JobState.RUNNING


def test_a_resumed_job_goes_on_with_both_weights(store: Store, begun: int) -> None:
    assert claim(store, "new") is None
    with store.writing() as connection:
        resume_job(connection, begun)
        note_change(connection, begun, JobChange.RESUMED, "ann@host")
    assert claim(store, "new") is not None


@pytest.mark.parametrize("revision", ["old", None], ids=["the same", "unknown"])
def test_a_worker_that_may_have_the_same_weights_goes_on(store: Store, begun: int, revision: str) -> None:
    assert claim(store, revision) is not None
    assert status_of(store, begun).state == JobState.RUNNING


def test_a_job_that_allows_mixed_weights_is_answered_by_any(store: Store, begun: int) -> None:
    with store.writing() as connection:
        allow_mixed_weights(connection, begun)
    assert claim(store, "new") is not None


def test_beside_others_a_job_of_other_weights_is_paused_too(store: Store, begun: int) -> None:
    assert claim_beside(store, Terms(MODEL, make_worker(store), 60, LoadedWeights("new"))) is None
    assert status_of(store, begun).state == JobState.PAUSED


@pytest.mark.parametrize(
    ("revision", "mixed", "goes_on"),
    [("new", False, False), ("new", True, True), ("old", False, True), (None, False, True)],
    ids=["other weights", "other weights, allowed", "the same weights", "unknown weights"],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_run_begins_anew_when_the_weights_have_changed_unless_it_allows_it(
    store: Store,
    settings: Settings,
    revision: str | None,
    mixed: bool,
    goes_on: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(going_on, "weights_now", lambda _model: LoadedWeights(revision))
    job_id = make_job(store, documents=2, chunk_documents=1)
    with store.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(run_key=KEY))
    assert claim(store, "old") is not None
    found = going_on.interrupted_job(store, settings, KEY, JobSpec(model=MODEL, mixed_weights=mixed))
    assert found == (job_id if goes_on else None)
    assert ("have changed since job" in capsys.readouterr().err) == (not goes_on)
    assert status_of(store, job_id).state == (JobState.RUNNING if goes_on else JobState.CANCELLED)
