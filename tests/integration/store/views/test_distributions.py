"""Histograms of answers, and device times, as SQL counts them."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import update

from qwenq.schemas.measures.histograms import SECOND_BOUNDS, TOKEN_BOUNDS, Histogram
from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.requests import BatchMetrics
from qwenq.schemas.results import FinishReason, Usage
from qwenq.schemas.tables.core import results, workers
from qwenq.schemas.views.job_costs import DeviceTime, Distributions
from qwenq.store.database.store import Store
from qwenq.store.outcomes.batches import insert_batches
from qwenq.store.views.jobs.device_times import device_times
from qwenq.store.views.jobs.distributions import job_distributions
from tests.builders import MODEL, chunks_of, claim_one, failure, finish, make_job, make_worker


def outcome(
    seq: int, tokens: int, seconds: float, finish_reason: FinishReason = FinishReason.STOP
) -> Outcome:
    return Outcome(seq, "answer", finish_reason, Usage(tokens * 2, tokens), seconds=seconds)


def found_in(histogram: Histogram, value: float) -> int:
    """The count of the bar that holds this value."""
    (bar,) = [bar for bar in histogram.bars if bar.first <= value and (bar.end is None or value < bar.end)]
    return bar.count


def test_each_value_is_counted_in_the_bar_that_holds_it(store: Store) -> None:
    edges = sorted({max(0, round(bound) + step) for bound in TOKEN_BOUNDS[:20] for step in (-1, 0, 1)})
    seconds = [bound * share for bound in SECOND_BOUNDS for share in (0.999, 1.0, 1.001)]
    lengths = [*edges, *random.Random(6).choices(range(10_000), k=len(seconds) - len(edges))]
    job_id = make_job(store, documents=len(seconds), chunk_documents=len(seconds))
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    finish(store, claim, [outcome(*one) for one in zip(range(len(seconds)), lengths, seconds, strict=True)])
    with store.reading() as connection:
        found = job_distributions(connection, job_id)
    for histogram, values in (
        (found.answer_tokens, lengths),
        (found.prompt_tokens, [2 * length for length in lengths]),
        (found.seconds, seconds),
    ):
        assert histogram.count == len(values)
        assert histogram.total == pytest.approx(sum(values), abs=0.01)
        for bar in histogram.bars:
            inside = [one for one in values if bar.first <= one and (bar.end is None or one < bar.end)]
            assert bar.count == len(inside), bar


def test_reused_failed_and_unmeasured_documents_are_left_out(store: Store) -> None:
    job_id = make_job(store, documents=5, chunk_documents=5)
    claim = claim_one(store, chunks_of(store, job_id)[0], make_worker(store))
    outcomes = [
        outcome(0, 10, 2.5, FinishReason.LENGTH),
        replace(outcome(1, 0, 0.0), reused_from=job_id),
        failure(2),
        outcome(3, 10, 7.0),
        outcome(4, 500, 0.0),
    ]
    finish(store, claim, outcomes)
    with store.writing() as connection:
        connection.execute(update(results).where(results.c.seq == 3).values(seconds=None))
    with store.reading() as connection:
        found = job_distributions(connection, job_id)
    assert (found.answer_tokens.count, found.prompt_tokens.count, found.seconds.count) == (3, 3, 2)
    assert (found_in(found.answer_tokens, 10), found_in(found.seconds, 2.5), found.cut_off) == (2, 1, 1)


def test_a_job_without_answers_has_no_distributions_and_no_time(store: Store) -> None:
    job_id = make_job(store)
    with store.reading() as connection:
        assert job_distributions(connection, job_id) == Distributions()
        assert device_times(connection, job_id) == []


def test_device_times_add_up_the_batches_of_the_job(store: Store) -> None:
    job_id, other = make_job(store, documents=8, chunk_documents=4), make_job(store)
    first, second = (make_worker(store, name=f"w{number}@here") for number in range(2))
    mine = [
        claim_one(store, chunk_id, worker_id)
        for chunk_id, worker_id in zip(chunks_of(store, job_id), (first, second), strict=True)
    ]
    theirs = claim_one(store, chunks_of(store, other)[0], first)
    with store.writing() as connection:
        for claim, seconds in ((mine[0], 1.5), (mine[1], 2.0), (mine[0], 0.25), (theirs, 100.0)):
            insert_batches(connection, claim, MODEL, [BatchMetrics(4, 40, 48, 20, seconds, 1_000, 2_000)])
        connection.execute(update(workers).where(workers.c.id == second).values(device="cuda:0"))
    with store.reading() as connection:
        assert device_times(connection, job_id) == [
            DeviceTime(device="cuda:0", workers=1, seconds=2.0),
            DeviceTime(device="cpu", workers=1, seconds=1.75),
        ]
