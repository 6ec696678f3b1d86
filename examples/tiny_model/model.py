"""The tiny model: a Qwen3 with 0.84 million parameters, and its folder."""

import tempfile
from pathlib import Path

import torch
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerBase,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from examples.tiny_model.tokenizer import END_OF_TEXT, TURN_END

FOLDER = Path(__file__).parents[1] / "tiny-qwen3"


def new_model(tokenizer: PreTrainedTokenizerBase) -> Qwen3ForCausalLM:
    """Make a model with random weights, always the same ones."""
    vocabulary = tokenizer.get_vocab()
    end, padding = vocabulary[TURN_END], vocabulary[END_OF_TEXT]
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=320,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=2048,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        initializer_range=0.08,
        tie_word_embeddings=True,
        eos_token_id=end,
        pad_token_id=padding,
    )
    torch.manual_seed(1)
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=[end, padding], pad_token_id=padding, do_sample=False
    )
    return model


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the model's folder. Each file appears whole or not at all."""
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tiny-") as fresh:
        model.save_pretrained(fresh)
        tokenizer.save_pretrained(fresh)
        for file in Path(fresh).iterdir():
            file.chmod(0o644)  # temporary files are private
            file.replace(folder / file.name)
