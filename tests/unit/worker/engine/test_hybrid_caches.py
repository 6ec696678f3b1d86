"""Models whose layers forget columns: sliding windows and linear attention batch as well, row by row."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, PreTrainedConfig, Qwen2Config, Qwen3_5TextConfig

from tests.models import SIZES, chat_tokenizer
from tests.unit.worker.engine.test_greedy import answered, check_against_alone
from worker.engine.cache import new_cache, plain_layers
from worker.engine.vocabulary import Vocabulary


def sliding() -> PreTrainedConfig:
    """Every second layer sees no further than 16 columns back."""
    return Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=16, max_window_layers=1)


def hybrid() -> PreTrainedConfig:
    """Every second layer is linear attention, as in Qwen3.5."""
    return Qwen3_5TextConfig(
        **SIZES,
        head_dim=16,
        layer_types=["linear_attention", "full_attention"],
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
    )


@pytest.mark.parametrize("config", [sliding(), hybrid()], ids=["sliding", "linear"])
def test_rows_leave_a_cache_that_forgets_columns(config: PreTrainedConfig, tmp_path: Path) -> None:
    torch.manual_seed(0)
    made: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    made.generation_config.eos_token_id = None
    made.save_pretrained(tmp_path)
    network: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert plain_layers(new_cache(network)) is None
    prompts = [torch.randint(0, 427, (length,)).tolist() for length in (60, 41, 33, 8)]
    new = [4, 30, 2, 20]
    vocabulary = Vocabulary.of(chat_tokenizer(), None)
    for ours, prompt, count in zip(answered(network, vocabulary, prompts, new), prompts, new, strict=True):
        check_against_alone(network, ours, prompt, count)
