"""`qwenq metrics`: what a job took, for people and as JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from qwenq.embedded.session import environment_of
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.settings import Settings
from qwenq.schemas.views.job_metrics import JobMetrics
from qwenq.store.database.store import Store
from qwenq.store.outcomes.batches import insert_batches
from qwenq.wording.numbers import percent
from tests.builders import MODEL, answer, chunks_of, claim_one, finish, make_job, make_worker
from tests.commands import qwenq_here

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def answered(store: Store) -> int:
    """A job with two measured answers."""
    job_id = make_job(store, documents=2)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    with store.writing() as connection:
        measured = BatchMetrics(2, 30, 45, 60, 4.0, 2 * 1024**3, 5 * 1024**3, prefix_tokens=10, together=1.5)
        insert_batches(connection, claim, MODEL, [measured])
    finish(store, claim, [replace(answer(0), seconds=0.25), replace(answer(1), seconds=3.75)])
    return job_id


def test_metrics_prints_one_fact_a_line(tmp_path: Path, settings: Settings, answered: int) -> None:
    shown = qwenq_here("metrics", str(answered), cwd=tmp_path, env=environment_of(settings))
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "response time 2.0 s on average, p50 2.0 s, p95 3.6 s; of 2 answers\n" in shown.stdout
    assert "15 while a device worked\n" in shown.stdout
    assert (
        f"padding       {percent(0.5)} of the prompts' tokens, computed for nothing beside them\n"
        in shown.stdout
    )
    assert f"prefix reuse  {percent(0.25)} of the tokens in\n" in shown.stdout
    assert "memory        2.0 GiB, 5.0 GiB on the GPU, at the most\n" in shown.stdout


def test_metrics_json_is_one_json_document(tmp_path: Path, settings: Settings, answered: int) -> None:
    shown = qwenq_here("metrics", str(answered), "--json", cwd=tmp_path, env=environment_of(settings))
    found = JobMetrics.model_validate_json(shown.stdout)
    assert found.model_dump(mode="json") == json.loads(shown.stdout)
    assert found.response_seconds is not None
    assert (found.id, found.response_seconds.answers, found.response_seconds.p50) == (answered, 2, 2.0)


def test_metrics_of_a_waiting_job_says_that_nothing_was_generated(
    tmp_path: Path, settings: Settings, store: Store
) -> None:
    shown = qwenq_here("metrics", str(make_job(store)), cwd=tmp_path, env=environment_of(settings))
    assert "response time nothing was generated yet\n" in shown.stdout


def test_metrics_of_an_unknown_job_is_refused(tmp_path: Path, settings: Settings, store: Store) -> None:
    shown = qwenq_here("metrics", "99", cwd=tmp_path, env=environment_of(settings))
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "99" in shown.stderr
