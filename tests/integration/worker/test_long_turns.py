"""Long documents while an engine reads ahead of its answers, and while its process is killed."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.response_format import ResponseFormat
from qwenq.schemas.settings import Settings
from qwenq.schemas.tables.core import chunks
from qwenq.schemas.tables.core import jobs as job_rows
from qwenq.schemas.tables.parts import parts
from qwenq.store.database.store import Store
from qwenq.store.views.answers.results import results_of
from tests.audit import audit
from tests.builders import MODEL, chunks_of, complete, row, store_job
from tests.integration.trouble.slow_worker import SlowWorker
from tests.integration.worker.long_turn import ANSWER, CONTEXT, PROMPT, LongTurns, words
from tests.processes import TINY_MODEL, Fleet, working_process
from tests.services import Jobs
from tests.store_work import claimant_of
from tests.turns import keeper_of, quick, turn_of
from tests.waiting import eventually

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"total": {"type": "string", "maxLength": 8}},
        "required": ["total"],
        "additionalProperties": False,
    }
)


@pytest.fixture
def reader() -> Iterator[ThreadPoolExecutor]:
    """A thread that reads requests, like an engine's."""
    with ThreadPoolExecutor(1) as reader:
        yield reader


def test_a_turn_whose_time_is_up_still_merges_its_cut_documents(
    store: Store, settings: Settings, reader: ThreadPoolExecutor
) -> None:
    turns = LongTurns(store, settings)
    job_id = turns.job(words(100))
    claimant = claimant_of(store, MODEL, turns.worker_id, 60)
    first = claimant.claim(chunks_of(store, job_id)[0])
    assert first is not None
    with keeper_of(store, settings, quick(turn_seconds=0.0), turns.info) as keeper:
        turn = turn_of(store, keeper, claimant, first, turns.info)
        requests = turn.requests()
        asked = [next(requests) for _ in range(4)]
        assert [request.closes_group for request in asked] == [False, False, False, True]
        waiting = reader.submit(next, requests, None)
        for request in asked:
            turn.complete(complete(request, "a few words"))
        merging = waiting.result(30)
        assert merging is not None
        assert (merging.key, merging.closes_group) == (0, True)
        assert merging.prompt.messages[-1].content == "Merge 4: " + " | ".join(["a few words"] * 4)
        turn.complete(complete(merging, "a few words"))
        assert reader.submit(next, requests, None).result(30) is None
        assert keeper.settle_rest() == set()
    with store.reading() as connection:
        audit(connection, job_id)
        assert [one.parts for one in results_of(connection, job_id)] == [4]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_real_model_answers_parts_and_merge_in_the_requested_format(
    store: Store, settings: Settings
) -> None:
    text = " ".join(f"Invoice INV-{number} has a total of {number}.50 euros." for number in range(50))
    turns = LongTurns(store, settings, context=400, model=str(TINY_MODEL))
    job_id = turns.job(text, max_new_tokens=40, response_format=ResponseFormat.of_schema(SCHEMA))
    turns.answer(job_id)
    rows = turns.parts(job_id)
    with store.reading() as connection:
        (result,) = results_of(connection, job_id)
    assert all(list(json.loads(said)) == ["total"] for said in (result.text, *(one.text for one in rows)))
    assert all(360 / 2 < one.prompt_tokens <= 360 for one in rows if one.level == 0)
    assert "".join(text[one.first_char : one.last_char + 1] for one in rows if one.level == 0) == text
    assert result.usage.prompt_tokens > sum(one.prompt_tokens for one in rows)


def test_a_worker_killed_amid_a_long_document_computes_no_part_twice(
    fleet: Fleet, jobs: Jobs, store: Store, tmp_path: Path
) -> None:
    text = " ".join(f"Paragraph {number} takes 300 ms." for number in range(200))
    job_id = store_job(store, [row(0, content=f'{{"text": "{text}"}}')])
    params = GenerationParams(on_overflow="split", max_new_tokens=ANSWER).model_dump(mode="json")
    with store.writing() as connection:
        values = {"prompt": PROMPT.model_dump(mode="json"), "params": params}
        connection.execute(update(job_rows).where(job_rows.c.id == job_id).values(values))

    def answered() -> set[tuple[object, ...]]:
        with store.reading() as connection:
            return {tuple(one) for one in connection.execute(select(parts).where(parts.c.job_id == job_id))}

    worker = SlowWorker(fleet, tmp_path, context=CONTEXT)
    before = eventually(answered, "some parts are answered")
    child = working_process(worker.service)
    assert child is not None
    child.kill()
    assert jobs.wait_until_ended(job_id).documents.succeeded == 1
    after = answered()
    assert before is not None
    assert before <= after
    assert len(before) < len(after)
    with store.reading() as connection:
        (result,) = results_of(connection, job_id)
        attempt = connection.execute(select(chunks.c.attempt)).scalar_one()
        audit(connection, job_id)
    assert result.parts == sum(level == 0 for _, _, level, *_ in after)
    assert attempt > 1
