"""The dense pass gives the logits of Transformers' own layers."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import PACKED, PackedStep
from tests.unit.worker.engines.transformers.running import random_ids


def step_over(network: Any, ids: list[int]) -> PackedStep:
    cache = KVCache(CacheShape.of(network))
    cache.resize(slots=1, columns=len(ids), used=0)
    step = PackedStep()
    step.add_piece(
        Piece(ids, 0, [layer[0] for layer in cache.keys], [layer[0] for layer in cache.values], None)
    )
    step.last += range(len(ids))
    return step


@pytest.mark.parametrize("name", ["qwen2", "qwen3", "sliding", "tied"])
def test_the_logits_of_every_token_are_those_of_the_layers(
    name: str, network_of: Callable[[str], Any]
) -> None:
    network = network_of(name)
    forward = DenseForward.of(network)
    assert forward is not None
    network.set_attn_implementation(PACKED)
    ids = random_ids(70, seed=3)
    wanted = step_over(network, ids).run(network)
    torch.testing.assert_close(forward(step_over(network, ids)), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["qwen2_moe", "qwen3_moe"])
def test_models_with_experts_are_left_to_transformers(name: str, network_of: Callable[[str], Any]) -> None:
    assert DenseForward.of(network_of(name)) is None


def test_models_with_another_activation_are_left_to_transformers(network_of: Callable[[str], Any]) -> None:
    network = network_of("qwen3")
    network.config.hidden_act = "gelu"
    assert DenseForward.of(network) is None
