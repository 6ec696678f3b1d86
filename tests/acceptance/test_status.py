"""`qwenq status` rescues stranded chunks, and works without broker and workers."""

import json
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from tests.builders import EXPIRED, answer, chunks_of, claim_one, failure, finish, make_job, make_worker
from tests.commands import qwenq_here
from tests.integration.store.conftest import age

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def stranded(store: Store) -> int:
    """A job with one chunk claimed by a dead worker, and two chunks that were never announced."""
    job_id = make_job(store)
    claim_one(store, chunks_of(store, job_id)[0], make_worker(store), EXPIRED)
    age(store, job_id, 60)
    return job_id


@pytest.mark.parametrize("which", [(), ("1",)], ids=("all", "one"))
def test_status_puts_stranded_chunks_back_and_then_announces_them(
    folder: Path, settings: Settings, broker: Broker, stranded: int, which: tuple[str, ...]
) -> None:
    shown = qwenq_here("status", *which, "--json", cwd=folder, env=environment_of(settings))
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    status = found if which else found[0]
    assert (status["id"], status["documents"]["running"], status["documents"]["pending"]) == (stranded, 0, 10)
    assert broker.depth("echo") == 3


@pytest.mark.parametrize("which", [(), ("1",)], ids=("all", "one"))
def test_status_names_a_model_without_a_worker_however_old_its_job_is(
    folder: Path, settings: Settings, store: Store, which: tuple[str, ...]
) -> None:
    make_job(store, model="nobody/has-it")
    make_worker(store, "echo")
    for _ in range(2):
        make_job(store)
    shown = qwenq_here("status", *which, "--limit", "2", cwd=folder, env=environment_of(settings))
    assert shown.returncode == 0
    assert (
        "job 1: no worker has the model nobody/has-it; start one with `qwenq up --model nobody/has-it`"
        in shown.stderr
    )
    assert "model echo" not in shown.stderr


def test_status_works_without_a_broker_and_says_what_is_not_announced(
    folder: Path, settings: Settings, stranded: int
) -> None:
    shown = qwenq_here("status", str(stranded), "--json", cwd=folder, env=environment_of(settings))
    assert shown.returncode == 0
    assert json.loads(shown.stdout)["documents"]["pending"] == 10
    assert "some waiting documents are not announced to workers yet: The broker at" in shown.stderr


def test_status_lists_the_jobs_that_match_in_the_order_asked_for(
    folder: Path, settings: Settings, store: Store
) -> None:
    wanted = [make_job(store, model="a/b"), make_job(store, model="a/b")]
    make_job(store, model="c/d")
    shown = qwenq_here(
        "status", "--for-model", "a/b", "--state", "queued", "--named", "A JOB", "--order", "oldest", "--json",
        cwd=folder, env=environment_of(settings),
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert [job["id"] for job in json.loads(shown.stdout)] == wanted
    nothing = qwenq_here("status", "--named", "nothing like it", cwd=folder, env=environment_of(settings))
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "no job matches" in nothing.stderr
    refused = qwenq_here("status", "1", "--state", "queued", cwd=folder, env=environment_of(settings))
    assert refused.returncode == 2


def test_documents_lists_those_that_match_with_their_outcomes(
    folder: Path, settings: Settings, store: Store
) -> None:
    job_id = make_job(store, documents=3, chunk_documents=3)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [answer(0, "two\nlines"), failure(1), answer(2)])
    listed = qwenq_here("documents", str(job_id), "--limit", "2", cwd=folder, env=environment_of(settings))
    assert [line.split() for line in listed.stdout.splitlines()] == [
        ["id", "state", "document", "answer", "or", "failure"],
        ["d0", "succeeded", "document", "0", "two", "lines"],
        ["d1", "failed,", "too_long", "document", "1", "much", "too", "long"],
    ]
    assert "a higher --limit shows them" in listed.stderr
    found = qwenq_here(
        "documents",
        str(job_id),
        "--where",
        "code=too_long",
        "--json",
        cwd=folder,
        env=environment_of(settings),
    )
    assert [document["custom_id"] for document in json.loads(found.stdout)] == ["d1"]
    unknown = qwenq_here("documents", "99", cwd=folder, env=environment_of(settings))
    assert unknown.returncode == 2
