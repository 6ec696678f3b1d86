"""Models that see or hear answer text as the whole model does: only their text part is loaded."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3OmniMoeThinkerConfig,
    Qwen3OmniMoeThinkerForConditionalGeneration,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    Qwen3VLMoeConfig,
    Qwen3VLMoeForConditionalGeneration,
)

from qwenq.schemas.requests import EngineHooks
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.models import ENDS, EXPERTS, SIZES, spelling_tokenizer
from tests.unit.worker.engines.asking import ask_plainly

DOCUMENTS = int(os.environ.get("TEXT_PART_DOCUMENTS", "6"))
MOST_NEW = 16
WORDS = ("The invoice", "of Müller", "is due", "12 May", "1,250.00", "東京", "two parties", "agree", "\n")

ROPE: dict[str, Any] = {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 3, 3]}
TEXT: dict[str, Any] = {**SIZES, "rope_parameters": ROPE, "head_dim": 16}
QWEN2_EYE = {"depth": 1, "embed_dim": 32, "hidden_size": 64, "num_heads": 2, "mlp_ratio": 1}
QWEN25_EYE = {"depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 64}
QWEN3_EYE = {
    "depth": 1, "hidden_size": 32, "intermediate_size": 32, "num_heads": 2, "out_hidden_size": 64,
    "deepstack_visual_indexes": [0], "num_position_embeddings": 16,
}  # fmt: skip
EAR2 = {
    "d_model": 32, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 32, "output_dim": 64,
    "num_mel_bins": 16,
}  # fmt: skip
EAR3 = {**EAR2, "downsample_hidden_size": 16}
SIGNS = {"vision_start_token_id": 151_652, "vision_end_token_id": 151_653}
OMNI3 = {"vision_config": QWEN3_EYE, "audio_config": EAR3, **SIGNS}

Whole = tuple[type[PreTrainedModel], Callable[[int], PreTrainedConfig]]


def config_of(kind: Any, senses: dict[str, Any], **more: Any) -> Callable[[int], PreTrainedConfig]:
    def make(vocabulary: int) -> PreTrainedConfig:
        text = {**TEXT, **more, "vocab_size": vocabulary}
        config: PreTrainedConfig = kind(text_config=text, **senses, tie_word_embeddings=False)
        return config

    return make


def tied(make: Callable[[int], PreTrainedConfig]) -> Callable[[int], PreTrainedConfig]:
    def made(vocabulary: int) -> PreTrainedConfig:
        config = make(vocabulary)
        config.tie_word_embeddings = True
        return config

    return made


INTERLEAVED = {"rope_parameters": {**ROPE, "mrope_interleaved": True}}
QWEN3_VL = config_of(Qwen3VLConfig, {"vision_config": QWEN3_EYE}, **INTERLEAVED)
WHOLES: dict[str, Whole] = {
    "qwen2_vl": (Qwen2VLForConditionalGeneration, config_of(Qwen2VLConfig, {"vision_config": QWEN2_EYE})),
    "qwen2_5_vl": (Qwen2_5_VLForConditionalGeneration, config_of(Qwen2_5_VLConfig, {"vision_config": QWEN25_EYE})),
    "qwen3_vl": (Qwen3VLForConditionalGeneration, QWEN3_VL),
    "qwen3_vl, tied": (Qwen3VLForConditionalGeneration, tied(QWEN3_VL)),
    "qwen3_vl_moe": (
        Qwen3VLMoeForConditionalGeneration,
        config_of(Qwen3VLMoeConfig, {"vision_config": QWEN3_EYE}, **INTERLEAVED, **EXPERTS),
    ),
    "qwen2_5_omni": (
        Qwen2_5OmniThinkerForConditionalGeneration,
        config_of(Qwen2_5OmniThinkerConfig, {"vision_config": QWEN25_EYE, "audio_config": EAR2, **SIGNS}),
    ),
    "qwen3_omni_moe": (
        Qwen3OmniMoeThinkerForConditionalGeneration,
        config_of(Qwen3OmniMoeThinkerConfig, OMNI3, **INTERLEAVED, **EXPERTS),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WHOLES)
def test_a_text_part_answers_text_exactly_as_the_whole_model_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For the models in this set, Transformers ignores the checkpoint's tokenizer class.
    distrusted = "transformers.models.auto.tokenization_auto.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS"
    monkeypatch.setattr(distrusted, frozenset())
    whole, tokenizer = saved(name, tmp_path)
    texts = [
        " ".join(WORDS[(3 * key + n * n) % len(WORDS)] for n in range(1 + 7 * key % 60))
        for key in range(DOCUMENTS)
    ]
    for form in (lambda _: None, below_thinker) if "omni" in name else (lambda _: None,):
        form(tmp_path)
        answers = answered(tmp_path, texts)
        assert answers == [alone(whole, tokenizer, text) for text in texts]


def answered(folder: Path, texts: Sequence[str]) -> list[list[str]]:
    """The names of the tokens that the engine answers, in packed rows."""
    engine = TransformersEngine(
        str(folder), EngineOptions("cpu"), EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
    )
    engine.load()
    requests = [ask_plainly(text, key, max_new_tokens=MOST_NEW) for key, text in enumerate(texts)]
    answers = {one.key: one.text for one in engine.generate(requests)}
    assert engine.describe().way == "packed"
    return [answers[key].split() for key in range(len(texts))]


def below_thinker(folder: Path) -> None:
    """Lay a thinker out as the hub has whole omni models: below `thinker`, with a talker beside it."""
    weights = load_file(folder / "model.safetensors")
    weights = {f"thinker.{name.removeprefix('thinker.')}": weight for name, weight in weights.items()}
    weights["talker.model.layers.0.self_attn.q_proj.weight"] = torch.zeros(4, 4)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    thinker = json.loads((folder / "config.json").read_text())
    kind = thinker["model_type"].removesuffix("_thinker")
    (folder / "config.json").write_text(json.dumps({"model_type": kind, "thinker_config": thinker}))


def saved(name: str, folder: Path) -> tuple[Any, Any]:
    """A whole random model, saved with a tokenizer that spells token ids."""
    kind, config_for = WHOLES[name]
    make: Any = kind
    tokenizer: Any = spelling_tokenizer()
    config = config_for(len(tokenizer))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        whole: Any = make(config).eval()
    ends = [tokenizer.convert_tokens_to_ids(end) for end in ENDS]
    whole.generation_config.eos_token_id, whole.generation_config.pad_token_id = ends, ends[1]
    whole.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return whole, tokenizer


@torch.inference_mode()
def alone(whole: Any, tokenizer: Any, text: str) -> list[str]:
    """The names of the tokens that the whole model answers, without an end."""
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": text}], add_generation_prompt=True, enable_thinking=False,
        return_dict=True, return_tensors="pt",
    )  # fmt: skip
    generated = whole.generate(**prompt, max_new_tokens=MOST_NEW, do_sample=False)
    names = tokenizer.convert_ids_to_tokens(generated[0, prompt["input_ids"].shape[1] :].tolist())
    return [name for name in names if name not in ENDS]
