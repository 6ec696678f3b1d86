"""A worker answers jobs with one resident model."""

import shutil
from functools import cache
from typing import Any

import pytest
import torch
from sqlalchemy import select
from transformers import AutoModelForCausalLM, AutoTokenizer

from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import batches
from qwenq.store.views.answers.results import results_of
from tests.audit import audit
from tests.processes import TINY_MODEL, Fleet
from tests.services import Jobs
from tests.waiting import eventually

QUESTION = "\n\nWhat is the total? Answer with the value only."
TEXTS = [
    f"Invoice INV-{number}\nTotal: {number * 3}.{number % 90 + 10}{QUESTION}"
    for number in range(20_001, 20_013)
]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings with a lease so long that no document is answered twice."""
    return settings.model_copy(update={"lease_seconds": 60.0})


@cache
def loaded() -> tuple[Any, Any]:
    """The tiny model and its tokenizer."""
    model = AutoModelForCausalLM.from_pretrained(TINY_MODEL, dtype=torch.float32)
    return model, AutoTokenizer.from_pretrained(TINY_MODEL)


def alone(text: str, max_new_tokens: int) -> str:
    """The answer of the model alone, as Transformers gives it."""
    model, tokenizer = loaded()
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


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_loaded_model_answers_two_jobs_and_each_batch_is_measured(fleet: Fleet, jobs: Jobs) -> None:
    worker = fleet.start("worker", "--model", str(TINY_MODEL))
    first = jobs.submit(TEXTS, chunk_documents=5, max_new_tokens=16)
    assert jobs.wait_until_ended(first.job_id).documents.succeeded == len(TEXTS)
    second = jobs.submit(TEXTS[:3], max_new_tokens=16)
    assert jobs.wait_until_ended(second.job_id).documents.succeeded == 3
    with jobs.store.reading() as connection:
        answers = [result.text for result in results_of(connection, first.job_id)]
        again = [result.text for result in results_of(connection, second.job_id)]
        measured = connection.execute(select(batches).where(batches.c.job_id == first.job_id)).all()
        audit(connection, first.job_id)
    assert answers == [alone(text, 16) for text in TEXTS]
    assert again == answers[:3]
    assert worker.log.read_text().count("model loaded") == 1
    usage = jobs.status(first.job_id).usage
    assert sum(batch.rows for batch in measured) == len(TEXTS)
    assert sum(batch.prompt_tokens for batch in measured) == usage.prompt_tokens
    assert sum(batch.new_tokens for batch in measured) == usage.completion_tokens
    assert all(batch.padded_tokens >= batch.prompt_tokens for batch in measured)
    assert all(batch.resident_bytes > 0 for batch in measured)


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
