"""The context is what the checkpoint's rotary embedding makes of it."""

from typing import Any

import pytest
from transformers import (
    Gemma3TextConfig,
    LlamaConfig,
    MambaConfig,
    Phi3Config,
    PreTrainedConfig,
    Qwen2Config,
    Qwen3Config,
)

from qwenq.schemas.errors import InvalidSetting
from qwenq.worker.engines.transformers.loading.context import UNLIMITED, Context

CARD: dict[str, Any] = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768}
LLAMA3: dict[str, Any] = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8_192,
}


def scaled(kind: Any, positions: int, rope: dict[str, Any] | None, **more: Any) -> PreTrainedConfig:
    """Configure a rope as older checkpoints do."""
    made: PreTrainedConfig = kind(max_position_embeddings=positions, rope_scaling=rope, **more)
    return made


def qwen3(positions: int = 40_960, rope: dict[str, Any] | None = None) -> PreTrainedConfig:
    return scaled(Qwen3Config, positions, rope)


def long_rope() -> PreTrainedConfig:
    """Configure the rope of Phi-3-mini-128k."""
    factors = [1.0] * 48
    rope = {"rope_type": "longrope", "short_factor": factors, "long_factor": factors}
    return scaled(Phi3Config, 131_072, rope, original_max_position_embeddings=4_096, pad_token_id=0)


@pytest.mark.parametrize(
    ("config", "usual", "most"),
    [
        (qwen3(), 40_960, 40_960),
        (qwen3(rope=CARD), 131_072, 131_072),
        (qwen3(131_072, CARD), 131_072, 131_072),
        (qwen3(rope=CARD | {"factor": 1.0}), 40_960, 40_960),
        (
            scaled(Qwen2Config, 32_768, {**CARD, "type": "yarn"}),
            131_072,
            131_072,
        ),
        (qwen3(rope={"rope_type": "linear", "factor": 2.0}), 40_960, 81_920),
        (qwen3(rope={"rope_type": "dynamic", "factor": 4.0}), 40_960, 40_960),
        (scaled(LlamaConfig, 131_072, LLAMA3), 131_072, 131_072),
        (Gemma3TextConfig(max_position_embeddings=131_072), 131_072, 131_072),
        (long_rope(), 4_096, 4_096),
        (MambaConfig(), UNLIMITED, UNLIMITED),
    ],
    ids=lambda value: value.model_type if isinstance(value, PreTrainedConfig) else str(value),
)
def test_the_context_is_what_the_rope_makes_of_it(config: PreTrainedConfig, usual: int, most: int) -> None:
    context = Context.of(config)
    assert (context.usual, context.most) == (usual, most)
    assert context.chosen("m", None) == usual
    assert context.chosen("m", most) == most
    assert context.chosen("m", 10) == 10


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            qwen3(),
            "40961 is more than 40960, the most that m can have: its config.json says max_position_embeddings",
        ),
        (qwen3(rope=CARD), "131073 is more than 131072, the most that m can have: its YaRN reaches so far"),
        (long_rope(), "beyond, its LongRoPE would change the answers of shorter documents too"),
        (
            qwen3(rope={"rope_type": "dynamic", "factor": 4.0}),
            "its dynamic rope would change the answers of other",
        ),
    ],
    ids=["plain", "yarn", "longrope", "dynamic"],
)
def test_a_longer_context_is_refused_with_the_reason(config: PreTrainedConfig, reason: str) -> None:
    context = Context.of(config)
    with pytest.raises(InvalidSetting) as refused:
        context.chosen("m", context.most + 1)
    assert refused.value.name == "QWENQ_CONTEXT"
    assert reason in refused.value.reason
