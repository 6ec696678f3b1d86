"""`qwenq pause` and `resume` of a running job, as a user types them."""

import json
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from tests.audit import audit
from tests.commands import qwenq_here
from tests.integration.trouble.slow_worker import SlowWorker, texts
from tests.processes import Fleet
from tests.services import Jobs
from tests.waiting import eventually

DOCUMENTS = 60  # enough to be paused while running


@pytest.fixture
def home(fleet: Fleet) -> dict[str, str]:
    """The environment of the test's services."""
    return dict(environment_of(fleet.settings))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_paused_job_finishes_running_documents_and_begins_none_until_resumed(
    fleet: Fleet, jobs: Jobs, folder: Path, home: dict[str, str], tmp_path: Path
) -> None:
    worker = SlowWorker(fleet, tmp_path).service
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=4).job_id
    jobs.wait_until_working(job)
    paused = qwenq_here("pause", str(job), "--json", cwd=folder, env=home)
    assert paused.returncode == 0, paused.stderr
    at_pause = json.loads(paused.stdout)
    assert at_pause["state"] == "paused"
    eventually(lambda: jobs.status(job).documents.running == 0, "what is in flight finishes")
    rested = jobs.status(job).documents
    assert rested.succeeded >= at_pause["documents"]["succeeded"]
    assert rested.pending > 0
    # The same worker answers another job: it looked for work, and left the paused job alone.
    another = jobs.submit(["one", "two"], model="echo").job_id
    assert jobs.wait_until_ended(another).documents.succeeded == 2
    assert jobs.status(job).documents == rested
    shown = qwenq_here("status", str(job), cwd=folder, env=home).stdout
    assert f"paused; `qwenq resume {job}` lets it go on" in shown
    resumed = qwenq_here("resume", str(job), cwd=folder, env=home)
    assert resumed.returncode == 0, resumed.stderr
    assert f"job {job} running" in resumed.stderr
    ended = jobs.wait_until_ended(job)
    assert (ended.state, ended.documents.succeeded) == ("completed", DOCUMENTS)
    assert_cancelled_in_a_pause(jobs, folder, home)
    assert worker.exit_code is None
    with jobs.store.reading() as connection:
        audit(connection, job)


def assert_cancelled_in_a_pause(jobs: Jobs, folder: Path, home: dict[str, str]) -> None:
    """A running job that is paused and then cancelled is dropped with the next renewal."""
    job = jobs.submit(texts(DOCUMENTS), model="echo", chunk_documents=4).job_id
    jobs.wait_until_working(job)
    for command in ("pause", "cancel"):
        assert qwenq_here(command, str(job), cwd=folder, env=home).returncode == 0
    jobs.wait_until_dropped(job)
    status = jobs.status(job)
    documents = status.documents
    assert (status.state, documents.done + documents.cancelled) == ("cancelled", DOCUMENTS)
    with jobs.store.reading() as connection:
        audit(connection, job)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_pause_and_resume_are_refused_in_one_sentence_in_other_states(
    folder: Path, documents: Path, home: dict[str, str]
) -> None:
    job = qwenq_here("submit", documents, "--model", "echo", cwd=folder, env=home).stdout.strip()
    refused = qwenq_here("resume", job, cwd=folder, env=home)
    assert (refused.returncode, refused.stderr) == (
        2,
        f"qwenq: Job {job} is queued, not paused: there is nothing to resume.\n",
    )
    assert qwenq_here("pause", job, cwd=folder, env=home).returncode == 0
    again = qwenq_here("pause", job, cwd=folder, env=home)
    assert (again.returncode, "only a queued or running job can be paused" in again.stderr) == (2, True)
    assert "There is no job 99" in qwenq_here("pause", "99", cwd=folder, env=home).stderr
    resumed = qwenq_here("resume", job, cwd=folder, env=home)
    assert "no worker has the model" in resumed.stderr


def test_a_job_is_paused_and_resumed_without_a_broker(folder: Path, documents: Path) -> None:
    job = qwenq_here("submit", documents, "--model", "echo", cwd=folder).stdout.strip()
    assert qwenq_here("pause", job, cwd=folder).returncode == 0
    resumed = qwenq_here("resume", job, "--json", cwd=folder)
    assert resumed.returncode == 0
    assert json.loads(resumed.stdout)["state"] == "queued"
    assert "once the broker is back" in resumed.stderr
