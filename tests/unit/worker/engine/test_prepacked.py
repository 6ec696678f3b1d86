"""Weights that are laid out ahead: the same products, in bfloat16 on a CPU, and nothing else is touched."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests.models import qwen2_config, save_model
from worker.engine.prepacked import PrepackedLinear, prepack

LARGEST_DIFFERENCE = 0.02  # relative; the sums are rounded in another order


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_model_computes_the_same_with_its_weights_laid_out_ahead(
    dtype: torch.dtype, tmp_path: Path
) -> None:
    network: Any = AutoModelForCausalLM.from_pretrained(save_model(tmp_path, qwen2_config()), dtype=dtype)
    ids = torch.arange(1, 41).view(2, 20)
    with torch.inference_mode():
        before = network(input_ids=ids).logits.float()
        prepack(network)
        after = network(input_ids=ids).logits.float()
    assert (after - before).norm() <= LARGEST_DIFFERENCE * before.norm()
    laid_out = [module for module in network.modules() if isinstance(module, PrepackedLinear)]
    plain = [module for module in network.modules() if type(module) is torch.nn.Linear]
    assert bool(laid_out) is (dtype == torch.bfloat16 and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    assert bool(plain) is not bool(laid_out)
