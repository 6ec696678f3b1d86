"""Padded documents: rows leave and join running batches, and answer as the model alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwenq.worker.engines.transformers.budget import TokenBudget
from qwenq.worker.engines.transformers.padded import grouping as batching
from qwenq.worker.engines.transformers.padded.batch import PaddedBatch
from qwenq.worker.engines.transformers.padded.rows import PaddedRows
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.models import ARCHITECTURES, VARIANTS
from tests.unit.worker.engines.transformers.running import (
    PLAIN_TOKENS,
    check_against_alone,
    document,
    drain,
    padded,
    random_ids,
)

Networks = Callable[[str], Any]
BROKEN_TOKEN = 511
SHAPES = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 24)), min_size=1, max_size=9)


def documents(shapes: list[tuple[int, int]], seed: int = 0) -> list[RequestState]:
    """Make documents with so many prompt tokens and new tokens."""
    draw = torch.Generator().manual_seed(seed)
    return [
        document(torch.randint(0, PLAIN_TOKENS, (length,), generator=draw).tolist(), new, key)
        for key, (length, new) in enumerate(shapes)
    ]


@pytest.mark.parametrize("name", [*ARCHITECTURES, *VARIANTS])
def test_a_batch_answers_as_the_model_alone(
    name: str,
    network_of: Networks,
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = network_of(name)
    compared = ties = 0

    @given(
        shapes=SHAPES, seed=st.integers(0, 1000), few=st.sampled_from([1, 100, 1024]), rows=st.integers(1, 9)
    )
    @settings(max_examples=5, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    def check(shapes: list[tuple[int, int]], seed: int, few: int, rows: int) -> None:
        nonlocal compared, ties
        # Low, so that small batches too are prefilled in groups that join.
        monkeypatch.setattr(batching, "FEW_PREFILL_CELLS", few)
        taken = documents(shapes, seed)
        drain(padded(network, rows=rows), taken)
        ties += sum(check_against_alone(network, row) for row in taken)
        compared += len(taken)

    check()
    record_property("near ties that turned", f"{ties} of {compared}")
    assert ties <= compared / 20


@pytest.mark.parametrize(("name", "refills"), [("qwen3", True), ("qwen3_5", True), ("sliding", False)])
def test_rows_join_a_running_batch_where_the_cache_allows_it(
    name: str, refills: bool, network_of: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined: list[tuple[int, int]] = []
    join = PaddedBatch.join

    def noted(batch: PaddedBatch, other: PaddedBatch) -> None:
        joined.append((len(batch.rows), len(other.rows)))
        join(batch, other)

    monkeypatch.setattr(PaddedBatch, "join", noted)
    rows = documents([(20 + key, 3 + 7 * (key % 3)) for key in range(10)])
    drain(padded(network_of(name), rows=4), rows)
    for row in rows:
        check_against_alone(network_of(name), row)
    assert bool(joined) is refills
    assert all(1 <= mine + theirs <= 4 for mine, theirs in joined)


def test_batches_that_no_row_can_join_are_prefilled_in_bounded_groups(network_of: Networks) -> None:
    runner = padded(network_of("sliding"), rows=40)
    rows = documents([(400, 3)] * 24 + [(20, 5)] * 6)
    for row in rows:
        assert runner.admit(row, ())
    late = documents([(20, 3)])[0]
    prefilled: list[int] = []
    while runner.running:
        assert not prefilled or not runner.admit(late, ())
        work = runner.step()
        prefilled.append(sum(one.cells for one in work))
        assert sum(one.prompt_tokens for one in work) >= (1 - batching.MOST_PADDING) * prefilled[-1]
    assert max(prefilled) <= batching.MOST_PREFILL_CELLS
    assert sum(prefilled) == sum(len(row.prompt) for row in rows)
    assert runner.admit(late, ())
    for row in rows[::8]:
        check_against_alone(network_of("sliding"), row)


def test_each_prompt_goes_through_the_model_once(network_of: Networks) -> None:
    rows = documents([(20 + key, 4 + key % 3) for key in range(7)])
    work = drain(padded(network_of("qwen3_5"), rows=3), rows)
    assert sum(one.prompt_tokens for one in work) == sum(len(row.prompt) for row in rows)
    assert sum(one.new_tokens for one in work) == sum(len(row.generated) for row in rows)
    assert sum(one.cells for one in work) >= sum(len(row.prompt) for row in rows)


def test_states_of_hybrid_models_count_in_the_budget(network_of: Networks) -> None:
    runner = PaddedRows(network_of("qwen3_5"), TokenBudget(8, cells=100, row_cells=30))
    rows = documents([(12, 8)] * 3)
    assert [runner.admit(row, ()) for row in rows] == [True, True, False]
    assert runner.cells == 100


def test_room_is_bounded_by_rows_and_by_tokens(network_of: Networks) -> None:
    network = network_of("qwen3")
    for runner, admitted in ((padded(network, rows=2), 2), (padded(network, cells=60), 3)):
        rows = documents([(12, 8)] * 5)
        assert [runner.admit(row, ()) for row in rows] == [place < admitted for place in range(5)]
        assert runner.cells == admitted * 20


def test_a_row_of_nan_fails_alone(network_of: Networks) -> None:
    network = network_of("qwen3_5")
    network.get_input_embeddings().weight.data[BROKEN_TOKEN] = float("nan")
    rows = documents([(20, 9), (30, 12), (25, 6), (9, 14), (16, 8)])
    rows[1].prompt[3] = BROKEN_TOKEN
    drain(padded(network, rows=3), rows)
    assert [row.failure is not None for row in rows] == [False, True, False, False, False]
    for row in (rows[0], *rows[2:]):
        check_against_alone(network_of("qwen3_5"), row)


def test_discarded_rows_leave_the_others_as_they_are(network_of: Networks) -> None:
    runner = padded(network_of("qwen3_5"), rows=4)
    rows = documents([(20, 12), (35, 12), (9, 12), (28, 12)])
    for row in rows[:3]:
        assert runner.admit(row, ())
    runner.step()
    runner.step()
    assert runner.admit(rows[3], ())
    runner.discard([rows[1], rows[3]])
    assert runner.running == [rows[0], rows[2]] or runner.running == [rows[2], rows[0]]
    drain(runner, [])
    for row in (rows[0], rows[2]):
        check_against_alone(network_of("qwen3_5"), row)


def test_nothing_runs_after_everything_was_released(network_of: Networks) -> None:
    runner = padded(network_of("qwen3"))
    for row in documents([(20, 12), (35, 12)]):
        assert runner.admit(row, ())
    runner.step()
    runner.release()
    assert (runner.running, runner.cells, runner.columns) == ([], 0, 0)
    again = [document(random_ids(11), 5)]
    drain(runner, again)
    check_against_alone(network_of("qwen3"), again[0])
