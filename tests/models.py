"""Small models with random weights, saved as real checkpoints: one for each supported architecture."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from tokenizers import AddedToken, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen2Tokenizer,
    Qwen3_5TextConfig,
    Qwen3Config,
    Qwen3MoeConfig,
)

VOCABULARY = 512
LONG_CONTEXT = 4_096
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
ENDS = ("<|im_end|>", "<|endoftext|>")
END_LOUDNESS = 2.0  # scales a random model's first end token, so that a few in a hundred tokens end an answer
ADDED_TOKENS = ("<tool_call>", "</tool_call>", "<think>", "</think>")  # not special, as in Qwen3

CHATML = """\
{%- for message in messages %}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- if enable_thinking is defined and not enable_thinking %}
{{- '<think>\\n\\n</think>\\n\\n' }}
{%- endif %}
{%- endif %}
"""

CORPUS = (
    "The invoice of Müller & Sons is due on 12 May 2024. The total is 1,250.00 euros.\n\n",
    "Summarise the contract in one sentence:\n\tThe parties agree to the terms below.\r\n",
    "Größe, naïve, 東京, 12345, e-mail@example.org, def f(x): return x ** 2  # a comment\n",
    "system user assistant think tool_call im_start im_end endoftext\n",
)

SIZES: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    # Wide weights, so that near ties are rare.
    "initializer_range": 0.2,
    "tie_word_embeddings": False,
}
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}


def qwen2_config() -> PreTrainedConfig:
    """Configure the architecture of Qwen2 and Qwen2.5."""
    return Qwen2Config(**SIZES)


def qwen3_config() -> PreTrainedConfig:
    """Configure the architecture of Qwen3."""
    return Qwen3Config(**SIZES, head_dim=16)


def qwen2_moe_config() -> PreTrainedConfig:
    """Configure the mixture-of-experts architecture of Qwen1.5 and Qwen2."""
    return Qwen2MoeConfig(**SIZES, **EXPERTS, shared_expert_intermediate_size=48)


def qwen3_moe_config() -> PreTrainedConfig:
    """Configure the mixture-of-experts architecture of Qwen3."""
    return Qwen3MoeConfig(**SIZES, **EXPERTS)


def qwen3_5_config() -> PreTrainedConfig:
    """Configure the hybrid of Qwen3.5: every second layer is linear attention, with a state instead of columns."""
    return Qwen3_5TextConfig(
        **SIZES,
        head_dim=16,
        layer_types=["linear_attention", "full_attention"],
        linear_num_key_heads=2,
        linear_num_value_heads=4,
        linear_key_head_dim=16,
        linear_value_head_dim=16,
    )


def sliding_config() -> PreTrainedConfig:
    """Configure a Qwen2 whose second layer has a sliding window of 16 columns."""
    return Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=16, max_window_layers=1)


def tied_config() -> PreTrainedConfig:
    """Configure a Qwen3 with tied embeddings, like the small ones."""
    return Qwen3Config(**{**SIZES, "tie_word_embeddings": True}, head_dim=16)


ARCHITECTURES: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen2": qwen2_config,
    "qwen3": qwen3_config,
    "qwen2_moe": qwen2_moe_config,
    "qwen3_moe": qwen3_moe_config,
}


def long_config(base: PreTrainedConfig) -> PreTrainedConfig:
    """Lengthen the context, so that a prompt needs several passes."""
    base.max_position_embeddings = LONG_CONTEXT
    return base


VARIANTS: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen3_5": qwen3_5_config,
    "sliding": sliding_config,
    "tied": tied_config,
    "long": lambda: long_config(qwen3_config()),
    "long sliding": lambda: long_config(sliding_config()),
    "long qwen3_5": lambda: long_config(qwen3_5_config()),
}
"""Variants: hybrid layers, sliding windows, tied weights, long contexts."""


def chat_tokenizer(size: int = VOCABULARY) -> Qwen2Tokenizer:
    """Train a byte-level tokenizer with Qwen's special tokens and a ChatML template."""
    tokenizer = _trained_tokenizer(size)
    tokenizer.add_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ADDED_TOKENS])
    tokenizer.chat_template = CHATML
    return tokenizer


def spelling_tokenizer() -> PreTrainedTokenizerBase:
    """Train a tokenizer that decodes to the names of all tokens, separated by spaces.

    It encodes like `chat_tokenizer`. So an answer's text tells its ids, except the end token. There are no reasoning
    tags, because they would be cut from the text.
    """
    tokenizer = _trained_tokenizer(VOCABULARY)
    backend = tokenizer.backend_tokenizer
    backend.decoder = None
    backend.add_special_tokens([AddedToken(end, normalized=False) for end in ENDS])
    backend.add_tokens([AddedToken("<|im_start|>", normalized=False)])
    spelling: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, eos_token=ENDS[0], pad_token=ENDS[1]
    )
    spelling.chat_template = CHATML
    return cast("PreTrainedTokenizerBase", spelling)


def _trained_tokenizer(size: int) -> Qwen2Tokenizer:
    backend = Qwen2Tokenizer().backend_tokenizer  # for its normalizer and pre-tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL_TOKENS) - len(ADDED_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    trained = json.loads(backend.to_str())["model"]
    trained["merges"] = [tuple(merge) for merge in trained["merges"]]
    return Qwen2Tokenizer(
        vocab=trained["vocab"],
        merges=trained["merges"],
        eos_token=ENDS[0],
        pad_token=ENDS[1],
    )


def save_model(folder: Path, config: PreTrainedConfig, seed: int = 0) -> Path:
    """Save a model of this configuration with random weights, and a tokenizer, into `folder`."""
    tokenizer = chat_tokenizer()
    return _save(folder, _random_network(config, tokenizer, seed), tokenizer)


def save_spelling_model(folder: Path, config: PreTrainedConfig, seed: int = 0) -> Path:
    """Save a random model whose answers spell their token ids, and sometimes end by themselves."""
    tokenizer = spelling_tokenizer()
    config.vocab_size = len(tokenizer)  # each token that it can generate has a name
    network = _random_network(config, tokenizer, seed)
    network.get_output_embeddings().weight.data[config.eos_token_id] *= END_LOUDNESS
    return _save(folder, network, tokenizer)


def _random_network(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase, seed: int) -> Any:
    ends = [tokenizer.convert_tokens_to_ids(end) for end in ENDS]
    config.eos_token_id, config.pad_token_id = ends
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    network.generation_config.eos_token_id = ends
    return network


def _save(folder: Path, network: Any, tokenizer: PreTrainedTokenizerBase) -> Path:
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
