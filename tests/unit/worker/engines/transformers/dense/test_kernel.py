"""The dense pass in C gives the logits of the dense pass in PyTorch, for every kind of step."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig, Qwen2Config, Qwen3Config

from qwenq.worker.engines.transformers.dense.forward import DenseForward
from qwenq.worker.engines.transformers.dense.kernel import DenseKernel
from qwenq.worker.engines.transformers.dense.panels import PanelLinear
from qwenq.worker.engines.transformers.dense.prepacked import prepack
from qwenq.worker.engines.transformers.packed.decode_attention import Decoding
from qwenq.worker.engines.transformers.packed.decode_row import DecodeRow
from qwenq.worker.engines.transformers.packed.kv_cache import CacheShape, KVCache
from qwenq.worker.engines.transformers.packed.prefix import Prefix
from qwenq.worker.engines.transformers.packed.prompt_attention import Piece
from qwenq.worker.engines.transformers.packed.step import Forward, PackedStep
from tests.models import SIZES, qwen2_config, qwen3_config, qwen3_moe_config, sliding_config, tied_config
from tests.unit.worker.engines.transformers.running import random_ids

LARGEST_DIFFERENCE = 0.03  # relative: one side rounds to bfloat16, the other does not
LONG, SHORT = random_ids(150, seed=1), random_ids(33, seed=2)
PREFIX = random_ids(40, seed=3)
NEWEST = min(set(range(1, 500)) - {*LONG, *SHORT, *PREFIX, 9, 10, 11})  # occurs once, in the first document


def odd_config() -> PreTrainedConfig:
    """Configure a Qwen3 whose sizes fill no panel, with three query heads to a key-value head."""
    sizes = {"hidden_size": 58, "intermediate_size": 90, "vocab_size": 509, "num_attention_heads": 6}
    return Qwen3Config(**{**SIZES, **sizes}, head_dim=18)


def ungrouped_config() -> PreTrainedConfig:
    """Configure a Qwen2 with a key-value head for each query head."""
    return Qwen2Config(**{**SIZES, "num_key_value_heads": 4})


def wide_config() -> PreTrainedConfig:
    """Configure a Qwen3 with heads of several panels, eight query heads to a key-value head."""
    return Qwen3Config(**{**SIZES, "num_attention_heads": 8, "num_key_value_heads": 1}, head_dim=72)


def network_of(config: PreTrainedConfig) -> Any:
    torch.manual_seed(0)
    network: Any = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)  # type: ignore[no-untyped-call]
    for weight in network.parameters():
        if weight.dim() == 1:  # norms start as ones, biases as zeros
            torch.nn.init.normal_(weight, 1.0, 0.2)
    return network.eval()


def all_logits(forward: Forward, shape: CacheShape) -> Iterator[torch.Tensor]:
    """Run two documents with a prefix and one without through three steps. Yields their logits."""
    cache = KVCache(shape)
    cache.resize(slots=3, columns=200, used=0)
    decoding, prefix = Decoding(shape), Prefix(PREFIX)
    prefix.make_room(shape)

    def piece(slot: int, ids: list[int], start: int, shared: Prefix | None) -> Piece:
        keys, values = [layer[slot] for layer in cache.keys], [layer[slot] for layer in cache.values]
        return Piece(ids, start, keys, values, shared)

    first = PackedStep()
    first.add_piece(Piece(PREFIX, 0, prefix.keys, prefix.values, None))
    first.add_piece(piece(0, LONG, 0, prefix))
    first.add_piece(piece(2, SHORT[:20], 0, None))
    first.last += [0, 39, 40, 120, 189, 209]
    yield forward(first)

    second = PackedStep()
    second.add_token(NEWEST, len(PREFIX) + len(LONG))
    second.decoding = decoding.of(cache, 3, [DecodeRow(0, len(LONG), prefix)])
    second.add_piece(piece(1, SHORT, 0, prefix))
    second.add_piece(piece(2, SHORT[20:], 20, None))
    second.last += [1, 33, 46]
    yield forward(second)

    third = PackedStep()
    places = [(0, len(LONG) + 1, prefix), (1, len(SHORT), prefix), (2, len(SHORT), None)]
    for slot, filled, shared in places:
        third.add_token(9 + slot, filled + (len(PREFIX) if shared else 0))
    third.decoding = decoding.of(cache, 3, [DecodeRow(*place) for place in places])
    yield forward(third)


CONFIGS = [
    *(qwen2_config, qwen3_config, sliding_config, tied_config),
    *(odd_config, ungrouped_config, wide_config),
]


@pytest.fixture(autouse=True)
def _made_for_this_processor() -> None:
    layer = torch.nn.Linear(2, 2, dtype=torch.bfloat16)
    if PanelLinear.of(layer) is None:
        pytest.skip("the kernel is not for this processor, or there is no compiler")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_the_c_pass_gives_the_logits_of_the_float32_pass(config: Any) -> None:
    network = network_of(config())
    exact = deepcopy(network).float()
    dense = DenseForward.of(exact)
    prepack(network)
    kernel = DenseKernel.of(network)
    assert dense is not None
    assert kernel is not None
    pairs = zip(
        all_logits(kernel, CacheShape.of(network)), all_logits(dense, CacheShape.of(exact)), strict=True
    )
    for made, wanted in pairs:
        assert made.shape == wanted.shape
        assert made.dtype == torch.float32
        for row, right in zip(made, wanted, strict=True):
            assert (row - right).norm() <= LARGEST_DIFFERENCE * right.norm()


def test_a_document_with_nan_does_not_change_its_neighbours() -> None:
    network = network_of(qwen3_config())
    prepack(network)
    kernel = DenseKernel.of(network)
    assert kernel is not None
    _, *wanted = all_logits(kernel, CacheShape.of(network))
    with torch.no_grad():
        network.model.embed_tokens.weight[NEWEST] = torch.nan
    _, *made = all_logits(kernel, CacheShape.of(network))
    for logits, right in zip(made, wanted, strict=True):
        assert logits[0].isnan().all()
        assert torch.equal(logits[1:], right[1:])


@torch.inference_mode()
def test_a_row_of_a_product_does_not_depend_on_the_rows_beside_it() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(70, 45, dtype=torch.bfloat16)
    panels = PanelLinear.of(layer)
    assert panels is not None
    rows = torch.randn(131, 70).bfloat16()
    together = panels(rows)
    wanted = layer(rows).float()
    assert (together.float() - wanted).norm() <= LARGEST_DIFFERENCE * wanted.norm()
    for count in (1, 2, 13, 14, 15, 113):
        assert torch.equal(panels(rows[:count]), together[:count])
    assert panels(rows[:0]).shape == (0, 45)


def test_without_a_compiler_there_is_no_c_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    network = network_of(qwen3_config())
    prepack(network)
    assert not any(isinstance(module, PanelLinear) for module in network.modules())
    assert DenseKernel.of(network) is None


def test_a_model_with_a_weight_outside_panels_has_no_c_pass() -> None:
    network = network_of(qwen3_config())
    kept = network.model.layers[1].mlp.up_proj
    prepack(network)
    network.model.layers[1].mlp.up_proj = kept
    assert DenseKernel.of(network) is None


def test_a_model_with_experts_has_panels_for_attention_and_no_c_pass() -> None:
    network = network_of(qwen3_moe_config())
    prepack(network)
    assert isinstance(network.model.layers[0].self_attn.q_proj, PanelLinear)
    assert DenseKernel.of(network) is None
