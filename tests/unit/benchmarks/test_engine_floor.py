"""The floor counts what an engine without waste would have to do."""

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.engine_floor import Costs, costs_of, floor_seconds
from benchmarks.engine_workload import Job, Workload
from benchmarks.machine import Ceilings, measure_ceilings
from tests.models import SIZES

COSTS = Costs(layer_weights=1000, head_weights=100, query_width=8, layers=2, cached_a_token=6)


def test_the_floor_counts_a_shared_prefix_once() -> None:
    apart = Workload((Job([1, 2, 3], 1), Job([1, 2, 4], 1)), prefix_tokens=0)
    shared = Workload(apart.jobs, prefix_tokens=2)
    assert COSTS.prefill(apart)[0] == 2 * 1000 * 6 + 4 * 8 * 2 * (6 + 6) + 2 * 100 * 2
    assert COSTS.prefill(shared)[0] == 2 * 1000 * 4 + 4 * 8 * 2 * (3 + 3 + 3) + 2 * 100 * 2
    assert COSTS.prefill(shared)[1] == 2 * 1100 + 2 * 6 * 4


def test_a_row_leaves_the_modelled_batch_at_its_last_token() -> None:
    workload = Workload((Job([1, 2, 3], 3), Job([1], 2)), prefix_tokens=0)
    assert list(COSTS.decode_steps(workload)) == [
        (2 * 1100 * 2 + 4 * 8 * 2 * (4 + 2), 2 * 1100 + 2 * 6 * (4 + 2)),
        (2 * 1100 * 1 + 4 * 8 * 2 * 5, 2 * 1100 + 2 * 6 * 5),
    ]


def test_a_step_takes_as_long_as_the_slower_of_computing_and_reading() -> None:
    workload = Workload((Job([1], 2),), prefix_tokens=0)
    (operations, read), *_ = COSTS.decode_steps(workload)
    prefill_operations, prefill_read = COSTS.prefill(workload)
    reads_at_once = floor_seconds(COSTS, workload, Ceilings(1.0, 1e12))
    computes_at_once = floor_seconds(COSTS, workload, Ceilings(1e12, 1.0))
    assert reads_at_once == pytest.approx(prefill_operations + operations)
    assert computes_at_once == pytest.approx(prefill_read + read)


@pytest.mark.parametrize("tied", [False, True])
def test_looking_tokens_up_costs_nothing(tied: bool) -> None:
    config = Qwen3Config(**{**SIZES, "head_dim": 16, "tie_word_embeddings": tied})
    costs = costs_of(Qwen3ForCausalLM(config))
    assert costs.head_weights == 512 * 64
    attention, mlp = 64 * 64 * 2 + 64 * 32 * 2, 3 * 64 * 96
    assert costs.layer_weights == 2 * (attention + mlp)
    assert (costs.query_width, costs.layers, costs.cached_a_token) == (64, 2, 2 * 32 * 2)


def test_the_ceilings_of_this_machine_are_positive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.machine.SECONDS_A_TRY", 0.001)
    monkeypatch.setattr("benchmarks.machine.SIDES", {"cpu": (64,)})
    ceilings = measure_ceilings("cpu", 1 << 20)
    assert ceilings.operations > 0
    assert ceilings.bytes > 0
    assert torch.get_num_threads() >= 1
