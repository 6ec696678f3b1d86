"""A worker answers jobs with one resident model."""

import shutil
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from store.results import errors_of, results_of
from tests.audit import audit
from tests.processes import TINY_MODEL, Fleet
from tests.services import Jobs
from tests.waiting import eventually

QUESTION = "\n\nWhat is the total? Answer with the value only."
TEXTS = [
    f"Invoice INV-{number}\nTotal: {number * 3}.{number % 90 + 10}{QUESTION}"
    for number in range(20_001, 20_013)
]


def alone(text: str, max_new_tokens: int) -> str:
    """The answer of the model alone, as Transformers gives it."""
    tokenizer: Any = AutoTokenizer.from_pretrained(TINY_MODEL)
    model: Any = AutoModelForCausalLM.from_pretrained(TINY_MODEL, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}],
        add_generation_prompt=True,
        enable_thinking=False,
        return_tensors="pt",
        return_dict=True,
    )
    generated = model.generate(**prompt, max_new_tokens=max_new_tokens, do_sample=False)
    own = generated[0, prompt["input_ids"].shape[1] :]
    return str(tokenizer.decode(own, skip_special_tokens=True))


def test_two_jobs_are_answered_by_one_load_as_the_model_alone_would(fleet: Fleet, jobs: Jobs) -> None:
    worker = fleet.start("worker", "--model", str(TINY_MODEL))
    first = jobs.submit(TEXTS, chunk_documents=5, max_new_tokens=16)
    assert jobs.wait_until_ended(first.job_id).documents.succeeded == len(TEXTS)
    second = jobs.submit(TEXTS[:3], max_new_tokens=16)
    assert jobs.wait_until_ended(second.job_id).documents.succeeded == 3
    with jobs.store.reading() as connection:
        answers = [result.text for result in results_of(connection, first.job_id)]
        again = [result.text for result in results_of(connection, second.job_id)]
        audit(connection, first.job_id)
    assert answers == [alone(text, 16) for text in TEXTS]
    assert again == answers[:3]
    assert worker.log.read_text().count("model loaded") == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bad_document_fails_and_its_neighbours_succeed(fleet: Fleet, jobs: Jobs) -> None:
    fleet.start("worker", "--model", str(TINY_MODEL))
    job = jobs.submit(["word " * 5_000, TEXTS[0], "   "], max_new_tokens=8)
    status = jobs.wait_until_ended(job.job_id)
    assert (status.documents.succeeded, status.documents.failed) == (1, 2)
    with jobs.store.reading() as connection:
        codes = {error.custom_id: error.error.code for error in errors_of(connection, job.job_id)}
    assert codes == {"d0": "too_long", "d2": "empty_prompt"}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_model_that_cannot_be_loaded_stops_the_worker_and_loses_no_document(
    fleet: Fleet, jobs: Jobs
) -> None:
    damaged = fleet.settings.home / "damaged-model"
    shutil.copytree(TINY_MODEL, damaged)
    (damaged / "model.safetensors").write_bytes(b"no weights")
    job = jobs.submit(["hello"], model=str(damaged))
    worker = fleet.start("worker", "--model", str(damaged))
    assert eventually(lambda: worker.exit_code, "the worker stops") == 3
    assert f"The model {damaged} cannot be loaded" in worker.log.read_text().splitlines()[-1]
    status = jobs.status(job.job_id)
    assert (status.state, status.documents.pending) == ("queued", 1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_metrics_of_each_batch_are_stored(fleet: Fleet, jobs: Jobs) -> None:
    from sqlalchemy import select

    from schemas.tables import batches

    fleet.start("worker", "--model", str(TINY_MODEL))
    job = jobs.submit(TEXTS, max_new_tokens=8)
    status = jobs.wait_until_ended(job.job_id)
    with jobs.store.reading() as connection:
        rows = connection.execute(select(batches).where(batches.c.job_id == job.job_id)).all()
    assert sum(row.rows for row in rows) == len(TEXTS)
    assert sum(row.prompt_tokens for row in rows) == status.usage.prompt_tokens
    assert sum(row.new_tokens for row in rows) == status.usage.completion_tokens
    assert all(row.padded_tokens >= row.prompt_tokens and row.resident_bytes > 0 for row in rows)
