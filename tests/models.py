"""Small models with random weights, saved as real checkpoints: one for each architecture that is held to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    Qwen2Config,
    Qwen2MoeConfig,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3MoeConfig,
)

VOCABULARY = 512
SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
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
    # Wide, so that the best token is rarely a near tie that rounding can turn.
    "initializer_range": 0.2,
    "tie_word_embeddings": False,
}
EXPERTS: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48}


def qwen2_config() -> PreTrainedConfig:
    """Give the architecture of Qwen2 and Qwen2.5."""
    return Qwen2Config(**SIZES)


def qwen3_config() -> PreTrainedConfig:
    """Give the architecture of Qwen3."""
    return Qwen3Config(**SIZES, head_dim=16)


def qwen2_moe_config() -> PreTrainedConfig:
    """Give the mixture-of-experts architecture of Qwen1.5 and Qwen2."""
    return Qwen2MoeConfig(**SIZES, **EXPERTS, shared_expert_intermediate_size=48)


def qwen3_moe_config() -> PreTrainedConfig:
    """Give the mixture-of-experts architecture of Qwen3."""
    return Qwen3MoeConfig(**SIZES, **EXPERTS)


ARCHITECTURES: dict[str, Callable[[], PreTrainedConfig]] = {
    "qwen2": qwen2_config,
    "qwen3": qwen3_config,
    "qwen2_moe": qwen2_moe_config,
    "qwen3_moe": qwen3_moe_config,
}


def chat_tokenizer(size: int = VOCABULARY) -> Qwen2Tokenizer:
    """Train a byte-level tokenizer with Qwen's special tokens and a ChatML template."""
    backend = Qwen2Tokenizer().backend_tokenizer  # for its normalizer and pre-tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(SPECIAL_TOKENS) - len(ADDED_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(CORPUS, trainer)
    trained = json.loads(backend.to_str())["model"]
    trained["merges"] = [tuple(merge) for merge in trained["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=trained["vocab"],
        merges=trained["merges"],
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )
    tokenizer.add_tokens([AddedToken(t, special=True, normalized=False) for t in SPECIAL_TOKENS])
    tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ADDED_TOKENS])
    tokenizer.chat_template = CHATML
    return tokenizer


def save_model(folder: Path, config: PreTrainedConfig, seed: int = 0) -> Path:
    """Save a model of this configuration with random weights, and a tokenizer, into `folder`."""
    tokenizer = chat_tokenizer()
    config.eos_token_id = tokenizer.convert_tokens_to_ids("<|im_end|>")
    config.pad_token_id = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network: Any = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    network.generation_config.eos_token_id = [config.eos_token_id, config.pad_token_id]
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
