"""Shrinks any configuration of Transformers, so that its architecture can be tried in a second."""

from typing import Any

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM, PreTrainedConfig

from tests.unit.worker.engines.transformers.running import VOCABULARY as TOKENS

VOCABULARY = 512
POSITIONS = 2_048
WINDOW = 150  # more than the trial at loading reaches, less than the longest documents
MOST_PARAMETERS = 30_000_000


def _each(value: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), value)


SMALL: dict[str, Any] = {
    **_each(VOCABULARY, "vocab_size vocab_size_per_layer_input"),
    **_each(64, "hidden_size d_model n_embd dim embedding_size emb_dim word_embed_proj_dim lru_width"),
    **_each(96, "intermediate_size ffn_dim d_ff d_inner decoder_ffn_dim ffn_hidden_size n_inner ffn_size"),
    **_each(96, "moe_intermediate_size shared_expert_intermediate_size shared_intermediate_size"),
    **_each(96, "expert_ffn_hidden_size intermediate_size_mlp dense_intermediate_size"),
    **_each(96, "moe_shared_expert_intermediate_size"),
    **_each(4, "num_hidden_layers n_layer n_layers num_layers decoder_layers num_decoder_layers"),
    **_each(4, "num_attention_heads n_head n_heads num_heads decoder_attention_heads attention_heads"),
    **_each(2, "num_key_value_heads num_kv_heads multi_query_group_num num_attention_groups n_mamba_heads"),
    **_each(16, "head_dim v_head_dim qk_nope_head_dim qk_rope_head_dim d_kv attention_head_dim rotary_dim"),
    **_each(32, "q_lora_rank kv_lora_rank index_head_dim index_topk"),
    **_each(
        POSITIONS, "max_position_embeddings n_positions max_seq_len n_ctx max_sequence_length seq_length"
    ),
    **_each(WINDOW, "sliding_window window_size attention_window_size local_attention"),
    **_each(4, "num_experts num_local_experts n_routed_experts moe_num_experts num_routed_experts"),
    **_each(1, "num_experts_per_tok num_experts_per_token moe_topk moe_top_k moe_k top_k_experts"),
    **_each(1, "topk_group n_group n_shared_experts first_k_dense_replace"),
    **_each(16, "mamba_d_state state_size ssm_state_size mamba_d_head mamba_head_dim mamba_headdim"),
    **_each(16, "linear_key_head_dim linear_value_head_dim hidden_size_per_layer_input"),
    **_each(8, "mamba_n_heads mamba_num_heads"),
    **_each(1, "mamba_n_groups n_groups mamba_ngroups"),
    **_each(2, "linear_num_key_heads index_n_heads"),
    **_each(0.2, "initializer_range init_std"),
    **_each(0.0, "attention_probs_dropout_prob hidden_dropout_prob"),
    "linear_num_value_heads": 4,
    "mamba_d_ssm": 128,
    "num_kv_shared_layers": 0,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
"""Small values of the fields that configurations share."""
FEWER: tuple[dict[str, Any], ...] = (
    {},
    {"num_experts_per_tok": 2, "moe_topk": 2, "moe_k": 2},
    {"num_key_value_heads": 4, "num_kv_heads": 4},
    {"num_hidden_layers": 6, "n_layer": 6},
    {"num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 8},
    {"head_dim": 32},
    {"head_dim": None},
    {"head_dim": None, "num_key_value_heads": 4},
)
"""Values that are tried instead, one set after the other, where the first do not fit together. None is left out."""
ODD: dict[str, dict[str, Any]] = {
    "bamba": {"attn_layer_indices": [1, 3]},
    "bailing_hybrid": {"layer_group_size": 2},
    "granitemoehybrid": {"layer_types": ["mamba", "attention"] * 2},
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
}
"""What single architectures need: layers of each kind among the few."""
DERIVED = (
    "layer_types", "layers_block_type", "block_types", "mlp_layer_types", "layer_types_pattern", "window_size",
    "rope_parameters", "rope_scaling", "no_rope_layers", "moe_layers", "hybrid_override_pattern", "attention_types",
)  # fmt: skip
"""Fields that a configuration makes of others, if they are left out."""


def shrunken_network(model_type: str) -> Any:
    """Make a small network of this kind with random weights. Raises whatever says why it cannot be shrunk."""
    first: Exception | None = None
    for fewer in FEWER:
        try:
            return _tried(_network(_shrunken(model_type, {**SMALL, **fewer, **ODD.get(model_type, {})})))
        except TimeoutError:
            raise
        except Exception as error:  # noqa: BLE001 - an unknown architecture may raise anything
            first = first or error
    raise first or ValueError(model_type)


def random_network(config: PreTrainedConfig, seed: int = 0) -> Any:
    """Make a network with random weights and perturbed norms."""
    torch.manual_seed(seed)
    network: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call]
    for name, weights in network.named_parameters():
        if weights.ndim == 1 and weights.is_floating_point() and "norm" in name:
            weights.data += 0.1 * torch.randn(weights.shape)
    network.generation_config.eos_token_id = sorted(TOKENS.ends)
    return network.eval()


def _shrunken(model_type: str, small: dict[str, Any]) -> PreTrainedConfig:
    kind: Any = CONFIG_MAPPING[model_type]
    usual = kind()
    odd = ODD.get(model_type, {})
    small = {name: value for name, value in small.items() if value is not None}
    whole = {name: value for name, value in small.items() if name in odd or _takes(usual, name)}
    text = usual.get_text_config(decoder=True)
    if text is usual:
        return _decoding(kind, whole)
    inner = {name: value for name, value in small.items() if _takes(text, name)}
    part = next((name for name in usual.sub_configs if getattr(usual, name, None) is text), None)
    if part is None:  # an encoder-decoder's configuration also describes its decoder
        return _decoding(kind, whole)
    return _decoding(kind, {part: {**inner, "model_type": text.model_type}})


@torch.inference_mode()
def _tried(network: Any) -> Any:
    network(input_ids=torch.tensor([[5, 6, 7]]))
    return network


def _decoding(kind: Any, small: dict[str, Any]) -> PreTrainedConfig:
    config: PreTrainedConfig = kind(**small)
    if hasattr(config, "is_decoder"):
        config.is_decoder = True
    return config


def _takes(config: PreTrainedConfig, name: str) -> bool:
    try:
        value = getattr(config, name, None)
    except Exception:  # noqa: BLE001 - some configurations have such fields for each layer only
        return False
    return value is not None and not (name in DERIVED and isinstance(value, (list, tuple, dict)))


def _network(config: PreTrainedConfig) -> Any:
    with torch.device("meta"):
        planned: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    parameters = sum(weights.numel() for weights in planned.parameters())
    if parameters > MOST_PARAMETERS:
        raise ValueError(f"it still has {parameters:,} parameters")
    return random_network(config)
