"""The trial accepts graphs that compute the same, and says what is wrong with others."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from qwenq.worker.engines.transformers.dense.graph_trial import ROWS, Trial, reason_against
from qwenq.worker.engines.transformers.dense.recording import Replay
from tests.recorded_operations import Recorder

Function = Callable[[], torch.Tensor]
Networks = Callable[[str], Any]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
def test_a_trial_passes_if_replays_compute_the_same(
    name: str, dtype: torch.dtype, network_of: Networks
) -> None:
    recorder = Recorder()
    assert reason_against(network_of(name).to(dtype), recorder) is None
    assert recorder.replays == 2 * recorder.recorded == 8 * len(ROWS)


def test_a_trial_reports_replays_that_compute_something_else(network_of: Networks) -> None:
    def stale(function: Function) -> Replay:
        outcome = function()
        return lambda: outcome

    assert "the logits would differ by" in str(reason_against(network_of("qwen3"), stale))


def test_a_trial_reports_a_recorder_that_fails(network_of: Networks) -> None:
    def failing(function: Function) -> Replay:
        raise RuntimeError("operation not permitted")

    assert reason_against(network_of("qwen3"), failing) == "RuntimeError: operation not permitted"


def test_a_trial_reports_too_little_memory_for_graphs(network_of: Networks) -> None:
    def failing(function: Function) -> Replay:
        raise torch.OutOfMemoryError

    assert "sizes were recorded" in str(reason_against(network_of("qwen3"), failing))


@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
def test_a_trial_uses_a_reduced_model(name: str, network_of: Networks) -> None:
    network = network_of(name)
    network.config.num_hidden_layers = 24
    network.config.layer_types = ["full_attention"] * 12 + [network.config.layer_types[-1]] * 12
    network.config.vocab_size = 151_936
    tried = Trial(**json.loads(Trial.of(network).as_json())).network()
    assert type(tried) is type(network)
    assert tried.config.layer_types == ["full_attention", network.config.layer_types[-1]]
    assert tried.config.vocab_size == 1_024
    assert tried.config.hidden_size == network.config.hidden_size
    assert (tried.device, tried.dtype) == (network.device, network.dtype)
    assert reason_against(tried, Recorder()) is None
