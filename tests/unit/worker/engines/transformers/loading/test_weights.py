"""Predicted sizes of weights, and the check that free memory suffices."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, PreTrainedConfig, Qwen3Config

from qwenq.schemas.errors import ModelUnavailable
from qwenq.schemas.settings import Quantize
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.loading import weights
from qwenq.worker.engines.transformers.loading.loading import load_model
from qwenq.worker.engines.transformers.loading.weights import Weights
from tests.models import ARCHITECTURES, SIZES, VARIANTS, save_model

CPU = torch.device("cpu")
EIGHT_BILLION = Qwen3Config(
    hidden_size=4096,
    intermediate_size=12288,
    num_hidden_layers=36,
    num_attention_heads=32,
    num_key_value_heads=8,
    head_dim=128,
    vocab_size=151_936,
    tie_word_embeddings=False,
)
GIB = 2**30


@pytest.fixture
def copied(checkpoint: Callable[[str], Path], tmp_path: Path) -> Path:
    """Copy a model, so that a test may change it."""
    return Path(shutil.copytree(checkpoint("qwen3"), tmp_path / "model"))


@pytest.mark.parametrize("name", [*ARCHITECTURES, *VARIANTS])
def test_predicted_bytes_equal_the_loaded_bytes(name: str, tmp_path: Path) -> None:
    folder = save_model(tmp_path, {**ARCHITECTURES, **VARIANTS}[name]())
    found = Weights.of(AutoConfig.from_pretrained(folder))
    network = load_model(str(folder), EngineOptions("cpu", "float32")).network
    assert found.parameters == network.num_parameters()
    assert found.bytes_in(torch.float32) == sum(weight.nbytes for weight in network.parameters())


@pytest.mark.parametrize("quantize", ["8bit", "4bit"])
def test_predicted_bytes_of_quantized_weights_nearly_equal_the_loaded_bytes(
    quantize: Quantize, tmp_path: Path
) -> None:
    config: PreTrainedConfig = Qwen3Config(**{**SIZES, "hidden_size": 128, "intermediate_size": 256})
    network = load_model(str(save_model(tmp_path, config)), EngineOptions("cpu", "float32", quantize)).network
    taken = sum(weight.nbytes for weight in network.parameters())
    assert Weights.of(config).bytes_in(torch.float32, quantize) == pytest.approx(taken, rel=0.03)


def test_eight_billion_weights_are_counted_without_allocating_them() -> None:
    found = Weights.of(EIGHT_BILLION)
    sizes = [
        found.bytes_in(torch.bfloat16) / GIB,
        found.bytes_in(torch.bfloat16, "8bit") / GIB,
        found.bytes_in(torch.bfloat16, "4bit") / GIB,
    ]
    assert sizes == pytest.approx([15.3, 8.8, 5.7], abs=0.1)


@pytest.mark.parametrize(
    ("free", "advice"),
    [
        (20, "say --dtype bfloat16, which takes 15.3 GiB"),
        (10, "say --dtype bfloat16 --quantize 8bit, which takes 8.8 GiB"),
        (6, "say --dtype bfloat16 --quantize 4bit, which takes 5.7 GiB"),
        (2, "take a smaller model, or a device with more memory"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_settings_that_fit(
    monkeypatch: pytest.MonkeyPatch, free: int, advice: str
) -> None:
    monkeypatch.setattr(weights, "free_bytes", lambda _: free * GIB)
    with pytest.raises(ModelUnavailable) as refused:
        Weights.of(EIGHT_BILLION).check_fit("big", CPU, torch.float32, "none")
    told = f"its weights take 30.5 GiB in float32, and this machine has {free}.0 GiB free: {advice}"
    assert told in str(refused.value)
    assert "Give --model" not in str(refused.value)  # a model was set


def test_a_model_that_fits_is_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "free_bytes", lambda _: 6 * GIB)
    Weights.of(EIGHT_BILLION).check_fit("big", CPU, torch.bfloat16, "4bit")


def test_a_model_larger_than_memory_is_refused_before_its_weights_are_read(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text()) | {"vocab_size": 10**10}
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnavailable) as refused:
        load_model(str(copied), EngineOptions("cpu"))
    assert re.search(
        r"its weights take 4768\.\d GiB in float32, and this machine has .* free", str(refused.value)
    )


def test_quantized_checkpoints_are_measured_by_their_files(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (copied / "model.safetensors").stat().st_size
    assert weights.check_files_fit(str(copied), CPU) == size
    monkeypatch.setattr(weights, "free_bytes", lambda _: size - 1)
    with pytest.raises(ModelUnavailable, match="take a smaller model"):
        weights.check_files_fit(str(copied), CPU)


def test_a_hub_model_outside_the_cache_has_no_file_sizes() -> None:
    assert weights.check_files_fit("qwenq-tests/no-such-model", CPU) is None
