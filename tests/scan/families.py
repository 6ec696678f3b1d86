"""Qwen's text architectures in the variations of real checkpoints, and others that packing or padding could change."""

from collections.abc import Callable
from typing import Any

from transformers import (
    Gemma2Config,
    GptOssConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    PhimoeConfig,
    PreTrainedConfig,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen3_5MoeTextConfig,
    Qwen3_5TextConfig,
    Qwen3Config,
    Qwen3MoeConfig,
    Qwen3NextConfig,
    Qwen4ExpTextConfig,
)

from tests.models import EXPERTS, SIZES
from tests.scan.shrunken import POSITIONS, WINDOW

SMALL: dict[str, Any] = {**SIZES, "num_hidden_layers": 4, "max_position_embeddings": POSITIONS}
SHARED_EXPERT = {"shared_expert_intermediate_size": 48}
SLIDING = {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 2}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": POSITIONS // 4}
LINEAR = {"rope_type": "linear", "factor": 4.0}
DYNAMIC = {"rope_type": "dynamic", "factor": 4.0}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": POSITIONS // 4,
}
STATES = {
    "layer_types": ["linear_attention", "linear_attention", "linear_attention", "full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 16,
    "linear_value_head_dim": 16,
}
HYBRID = {**EXPERTS, **STATES, **SHARED_EXPERT, "head_dim": 16, "hc_lowrank": 16}
NGRAMS = {
    "ple_layer_ids": [2],
    "ple_embed_dim": 64,
    "heads_per_ngram": 2,
    "ngram_vocab_size_base": 500,
    "split_ngram_parts": 1,
    "eos_token_id": 2,
}
SPARSE = {
    "indexer_n_heads": 2,
    "indexer_kv_heads": 1,
    "indexer_head_dim": 16,
    "indexer_budget": 64,
    "indexer_compress_ratio": 4,
}


def _made(kind: Any, *parts: dict[str, Any], **more: Any) -> Callable[[], PreTrainedConfig]:
    whole = dict(SMALL)
    for part in (*parts, more):
        whole |= part
    return lambda: kind(**whole)


FAMILIES: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen2, one key-value head": _made(Qwen2Config, num_key_value_heads=1),
    "qwen2, two query heads a key-value head": _made(Qwen2Config),
    "qwen2, seven query heads a key-value head": _made(
        Qwen2Config, hidden_size=112, num_attention_heads=7, num_key_value_heads=1
    ),
    "qwen2, tied": _made(Qwen2Config, tie_word_embeddings=True),
    "qwen2, gelu": _made(Qwen2Config, hidden_act="gelu"),
    "qwen2, odd sizes": _made(Qwen2Config, hidden_size=72, intermediate_size=101),
    "qwen2, sliding": _made(Qwen2Config, SLIDING),
    "qwen2, YaRN": _made(Qwen2Config, rope_scaling=YARN),
    "qwen2, linear rope": _made(Qwen2Config, rope_scaling=LINEAR),
    "qwen2, dynamic rope": _made(Qwen2Config, rope_scaling=DYNAMIC),
    "qwen3": _made(Qwen3Config, head_dim=32),
    "qwen3, tied": _made(Qwen3Config, head_dim=16, tie_word_embeddings=True),
    "qwen3, attention bias": _made(Qwen3Config, head_dim=16, attention_bias=True),
    "qwen3, sliding": _made(Qwen3Config, SLIDING, head_dim=16),
    "qwen3, YaRN": _made(Qwen3Config, head_dim=16, rope_scaling=YARN),
    "qwen2_moe": _made(Qwen2MoeConfig, EXPERTS, SHARED_EXPERT),
    "qwen2_moe, every second layer, normalized": _made(
        Qwen2MoeConfig, EXPERTS, SHARED_EXPERT, decoder_sparse_step=2, norm_topk_prob=True
    ),
    "qwen2_moe, sliding": _made(Qwen2MoeConfig, EXPERTS, SHARED_EXPERT, SLIDING),
    "qwen3_moe": _made(Qwen3MoeConfig, EXPERTS),
    "qwen3_moe, normalized, a dense layer": _made(
        Qwen3MoeConfig, EXPERTS, norm_topk_prob=True, mlp_only_layers=[0]
    ),
    "qwen3_moe, sliding": _made(Qwen3MoeConfig, EXPERTS, SLIDING),
    "qwen3_moe, YaRN": _made(Qwen3MoeConfig, EXPERTS, rope_scaling=YARN),
    "qwen3_next": _made(Qwen3NextConfig, EXPERTS, STATES, SHARED_EXPERT, head_dim=16),
    "qwen3_5_text": _made(Qwen3_5TextConfig, STATES, head_dim=16),
    "qwen3_5_text, tied": _made(Qwen3_5TextConfig, STATES, head_dim=16, tie_word_embeddings=True),
    "qwen3_5_moe_text": _made(Qwen3_5MoeTextConfig, EXPERTS, STATES, SHARED_EXPERT, head_dim=16),
    "qwen4_exp_text": _made(Qwen4ExpTextConfig, HYBRID, SPARSE),
    "qwen4_exp_text, n-grams": _made(Qwen4ExpTextConfig, HYBRID, SPARSE, NGRAMS),
    "llama, llama3 rope": _made(LlamaConfig, rope_scaling=LLAMA3),
    "mistral, sliding": _made(MistralConfig, sliding_window=WINDOW),
    "phimoe, sliding": _made(PhimoeConfig, num_local_experts=4, num_experts_per_tok=2, sliding_window=WINDOW),
    "gemma2": _made(Gemma2Config, head_dim=16, query_pre_attn_scalar=16, sliding_window=WINDOW),
    "gpt_oss": _made(
        GptOssConfig, head_dim=16, num_local_experts=4, num_experts_per_tok=2, sliding_window=WINDOW
    ),
    "mamba": _made(MambaConfig),
}
