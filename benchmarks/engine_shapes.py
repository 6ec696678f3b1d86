"""The models of the engine benchmark: random weights in the shape of a Qwen3."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

DTYPE = torch.bfloat16
CONTEXT = 4096
WORDS_ONE_AFTER_THE_OTHER = "{% for message in messages %}{{ message.content }}{% endfor %}"


@dataclass(frozen=True, slots=True)
class Shape:
    """A Qwen3 of some size, and how many documents suffice to measure it."""

    config: dict[str, Any]
    documents: int

    @property
    def vocabulary(self) -> int:
        """How many tokens the model knows."""
        return int(self.config["vocab_size"])


SHAPES = {
    "60m": Shape(
        {
            "vocab_size": 32_000,
            "hidden_size": 512,
            "intermediate_size": 1536,
            "num_hidden_layers": 12,
            "num_attention_heads": 8,
            "num_key_value_heads": 4,
            "head_dim": 64,
            "tie_word_embeddings": False,
        },
        documents=24,
    ),
    "0.6b": Shape(
        {
            "vocab_size": 151_936,
            "hidden_size": 1024,
            "intermediate_size": 3072,
            "num_hidden_layers": 28,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": True,
        },
        documents=256,
    ),
    "8b": Shape(
        {
            "vocab_size": 151_936,
            "hidden_size": 4096,
            "intermediate_size": 12_288,
            "num_hidden_layers": 36,
            "num_attention_heads": 32,
            "num_key_value_heads": 8,
            "head_dim": 128,
            "tie_word_embeddings": False,
        },
        documents=256,
    ),
}


def make_network(shape: Shape, device: str) -> Any:
    """Make random weights in bfloat16, on the device itself.

    No token ends an answer, so every way generates exactly the requested number.
    """
    torch.manual_seed(0)
    config = Qwen3Config(**shape.config, max_position_embeddings=CONTEXT, eos_token_id=None)
    with torch.device(device):
        network: Any = AutoModelForCausalLM.from_config(config, dtype=DTYPE)  # type: ignore[no-untyped-call]
    return network.eval()


def save_checkpoint(network: Any, folder: Path) -> None:
    """Save the model, and a tokenizer whose words are `0`, `1`, `2` and so on."""
    network.save_pretrained(folder)
    vocabulary = {str(number): number for number in range(network.config.vocab_size)}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="0"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words)  # type: ignore[no-untyped-call]
    tokenizer.chat_template = WORDS_ONE_AFTER_THE_OTHER
    tokenizer.save_pretrained(folder)
