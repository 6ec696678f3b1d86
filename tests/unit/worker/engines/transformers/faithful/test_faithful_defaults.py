"""`--sampling model` chooses tokens as a plain `generate` does with the checkpoint's generation_config.json."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, GenerationConfig

from qwenq.schemas.generation import GenerationParams, Sampling
from qwenq.schemas.prompts.messages import Message
from qwenq.schemas.sampling.settling import settled
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.choosing.penalties import Penalties, penalise
from qwenq.worker.engines.transformers.choosing.warping import Recipe, warped_probabilities
from qwenq.worker.engines.transformers.loading.generation_defaults import not_applied
from qwenq.worker.engines.transformers.loading.loading import load_model
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder

ASKED = (Message("user", "The total is 12 euros, the total is 12 euros, the total"),)
NEW = 8


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"repetition_penalty": 1.3},
        {"do_sample": True},
        {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "repetition_penalty": 1.05},
        {"do_sample": True, "min_p": 0.1, "top_k": 0},
    ],
    ids=str,
)
def test_the_checkpoints_own_sampling_is_that_of_generate(
    own: dict[str, Any], spelling: Callable[[str], Path]
) -> None:
    folder = spelling("qwen3")
    file = folder / "generation_config.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | own), "utf-8")
    loaded = load_model(str(folder), EngineOptions("cpu"))
    params = settled(GenerationParams(sampling=Sampling.MODEL), loaded.info)
    prompt = PromptEncoder(loaded.tokenizer).encode(ASKED, thinking=False)
    network: Any = AutoModelForCausalLM.from_pretrained(folder)
    done = network.generate(
        torch.tensor([prompt]),
        max_new_tokens=NEW,
        output_scores=True,
        output_logits=True,
        return_dict_in_generate=True,
    )
    generated = done.sequences[0, len(prompt) :].tolist()
    assert bool(params.temperature) == bool(own.get("do_sample"))
    for place, (wanted, logits) in enumerate(zip(done.scores, done.logits, strict=True)):
        penalties = Penalties.of(params, prompt)
        if penalties is not None:
            for token in generated[:place]:
                penalties.add(token)
        scores = logits.float().clone()
        penalise(scores, [penalties])
        if params.temperature:
            torch.testing.assert_close(warped_probabilities(scores, Recipe.of(params)), wanted.softmax(-1))
        else:
            assert scores.argmax().item() == generated[place]


def test_what_the_engine_cannot_apply_is_named() -> None:
    config: Any = GenerationConfig  # its constructor has no types
    assert not_applied(config(no_repeat_ngram_size=3, temperature=0.5, num_beams=1)) == (
        "no_repeat_ngram_size",
    )
    assert not_applied(None) == ()
