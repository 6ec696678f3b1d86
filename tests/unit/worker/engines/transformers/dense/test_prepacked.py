"""Prepacked weights give the same products, in bfloat16 on a CPU. Other weights stay unchanged."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from qwenq.worker.engines.transformers.dense.panels import PanelLinear
from qwenq.worker.engines.transformers.dense.prepacked import PrepackedLinear, prepack
from tests.models import qwen2_config, save_model

LARGEST_DIFFERENCE = 0.02  # relative; the sums are rounded in another order


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_model_computes_the_same_with_prepacked_weights(dtype: torch.dtype, tmp_path: Path) -> None:
    network: Any = AutoModelForCausalLM.from_pretrained(save_model(tmp_path, qwen2_config()), dtype=dtype)
    ids = torch.arange(1, 41).view(2, 20)
    with torch.inference_mode():
        before = network(input_ids=ids).logits.float()
        prepack(network)
        after = network(input_ids=ids).logits.float()
    assert (after - before).norm() <= LARGEST_DIFFERENCE * before.norm()
    laid_out = [module for module in network.modules() if isinstance(module, (PrepackedLinear, PanelLinear))]
    plain = [module for module in network.modules() if type(module) is torch.nn.Linear]
    assert bool(laid_out) is (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    assert bool(plain) is not bool(laid_out)


@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="no bfloat16 arithmetic here")
def test_operations_after_a_product_are_fused_into_it() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(64, 48, bias=False, dtype=torch.bfloat16)
    rows, others = torch.randn(5, 64).bfloat16(), torch.randn(5, 48).bfloat16()
    with torch.inference_mode():
        laid_out, product = PrepackedLinear(layer), layer(rows).float()
        pairs = [
            (laid_out.silu(rows), torch.nn.functional.silu(product)),
            (laid_out.times(rows, others), product * others.float()),
            (laid_out.plus(rows, others), product + others.float()),
        ]
    for made, wanted in pairs:
        assert (made.float() - wanted).norm() <= LARGEST_DIFFERENCE * wanted.norm()
