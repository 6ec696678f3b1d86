"""Models with quantized weights: by bitsandbytes while loading, or in the checkpoint."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen3Config

from qwenq.schemas.errors import InvalidSetting, ModelUnavailable
from qwenq.schemas.requests import EngineHooks
from qwenq.schemas.settings import Dtype, Quantize
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from qwenq.worker.engines.transformers.loading import loading, quantization
from qwenq.worker.engines.transformers.loading.loading import LoadedModel, load_model
from tests.models import ARCHITECTURES, SIZES, VARIANTS, save_model
from tests.unit.worker.engines.asking import ask

IDS = torch.arange(3, 63).reshape(3, 20)
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]}
ALL = {**ARCHITECTURES, **VARIANTS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save a model whose layers are whole blocks of 64 columns, like those of released models."""
    config = Qwen3Config(**{**SIZES, "hidden_size": 128, "intermediate_size": 256}, head_dim=32)
    return save_model(tmp_path_factory.mktemp("blocks"), config)


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """Copy it, so that a test may change it."""
    return Path(shutil.copytree(folder, tmp_path / "model"))


def load(folder: Path, quantize: Quantize = "none", dtype: Dtype = "float32") -> LoadedModel:
    return load_model(str(folder), EngineOptions("cpu", dtype, quantize))


def logits(network: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = network(ids).logits
    return found


def says_quantized(folder: Path, config: dict[str, Any]) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": config}))
    return folder


@pytest.mark.parametrize(("quantize", "share", "alike"), [("8bit", 0.4, 0.995), ("4bit", 0.3, 0.9)])
def test_quantized_weights_take_less_memory_and_say_nearly_the_same(
    folder: Path, quantize: Quantize, share: float, alike: float
) -> None:
    whole, fewer = load(folder), load(folder, quantize)
    linear = [name for name, _ in whole.network.named_parameters() if "proj" in name]
    taken = [
        sum(part.nbytes for name, part in loaded.network.named_parameters() if name in linear)
        for loaded in (whole, fewer)
    ]
    assert taken[1] < taken[0] * share
    similar = torch.nn.functional.cosine_similarity(logits(whole.network), logits(fewer.network), dim=-1)
    assert similar.mean() > alike
    assert fewer.info.dtype == f"float32, {quantize}"
    assert fewer.info.parameters == whole.info.parameters


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("quantize", ["8bit", "4bit"])
def test_every_architecture_answers_with_quantized_weights(
    quantize: Quantize, name: str, tmp_path: Path, quiet: EngineHooks
) -> None:
    engine = TransformersEngine(
        str(save_model(tmp_path, ALL[name]())), EngineOptions("cpu", "auto", quantize), quiet
    )
    engine.load()
    requests = [ask(f"the invoice {key}", key=key, max_new_tokens=3) for key in range(3)]
    answers = list(engine.generate(requests))
    assert [answer.failure for answer in answers] == [None] * 3
    assert {answer.key for answer in answers} == {0, 1, 2}


def test_in_4_bits_neighbours_do_not_change_an_answer(folder: Path) -> None:
    network = load(folder, "4bit").network
    alone = torch.cat([logits(network, IDS[row : row + 1]) for row in range(len(IDS))])
    assert torch.allclose(logits(network), alone, atol=1e-4)


def test_in_4_bits_float32_stays_float32(folder: Path) -> None:
    network = load(folder, "4bit").network
    layer: Any = network.model.layers[0].mlp.down_proj
    import bitsandbytes

    weight = bitsandbytes.functional.dequantize_4bit(layer.weight.data, layer.weight.quant_state).float()
    given = torch.randn(5, weight.shape[1], generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(layer(given), given @ weight.T, atol=1e-4)


def test_layers_without_whole_blocks_are_not_quantized(tmp_path: Path) -> None:
    loaded = load(save_model(tmp_path, ALL["qwen3"]()), "4bit")  # its down_proj has 96 columns
    layer: Any = loaded.network.model.layers[0].mlp
    assert layer.down_proj.weight.dtype == torch.float32
    assert layer.up_proj.weight.dtype == torch.uint8


def test_the_log_warns_if_little_of_a_model_can_be_quantized(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="qwenq.engine"):
        load(save_model(tmp_path, ALL["qwen3_moe"]()), "4bit")
    assert "4bit reaches only 15% of its weights" in caplog.text


@pytest.mark.parametrize("quantize", ["8bit", "4bit"])
def test_a_checkpoint_quantized_by_bitsandbytes_is_loaded_unchanged(
    folder: Path, copied: Path, quantize: Quantize
) -> None:
    network: Any = load(folder, quantize).network
    (copied / "model.safetensors").unlink()
    network.save_pretrained(copied)
    loaded = load(copied)
    assert loaded.info.dtype == f"float32, bitsandbytes {quantize}"
    assert torch.equal(logits(loaded.network), logits(network))
    with pytest.raises(InvalidSetting, match=rf"is quantized already \(bitsandbytes {quantize}\)"):
        load(copied, "4bit")


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_8_bit_floats_are_dequantized_on_a_cpu(folder: Path, copied: Path, dtype: Dtype) -> None:
    stored: dict[str, torch.Tensor] = {}
    for name, weight in load_file(copied / "model.safetensors").items():
        if "proj" in name:
            rows, columns = (-(-size // 128) for size in weight.shape)
            scale = weight.abs().max() / torch.finfo(torch.float8_e4m3fn).max
            stored[name] = (weight / scale).to(torch.float8_e4m3fn)
            stored[f"{name}_scale_inv"] = scale.expand(rows, columns).contiguous()
        else:
            stored[name] = weight.to(torch.bfloat16)
    save_file(stored, copied / "model.safetensors", metadata={"format": "pt"})
    loaded = load(says_quantized(copied, FP8), dtype=dtype)
    assert loaded.info.dtype == f"{dtype}, fp8"
    assert {str(weight.dtype) for weight in loaded.network.parameters()} == {f"torch.{dtype}"}
    similar = torch.nn.functional.cosine_similarity(
        logits(loaded.network).float(), logits(load(folder).network), dim=-1
    )
    assert similar.mean() > 0.98


@pytest.mark.parametrize(
    ("config", "package"),
    [
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, "gptqmodel"),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "optimum"),
        ({"quant_method": "compressed-tensors", "format": "pack-quantized"}, "compressed-tensors"),
        ({"quant_method": "auto-round", "bits": 4, "group_size": 128}, "auto-round"),
        ({"quant_method": "hqq"}, "HQQ"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_quantized_checkpoint_names_the_package_that_it_needs(
    copied: Path, config: dict[str, Any], package: str
) -> None:
    with pytest.raises(ModelUnavailable, match=package):
        load(says_quantized(copied, config))


@pytest.mark.parametrize("config", [{"quant_method": "turbo9"}, {"bits": 4}])
def test_an_unknown_quantization_is_refused(copied: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ModelUnavailable, match="quantiz"):
        load(says_quantized(copied, config))


def test_a_quantized_checkpoint_is_not_quantized_again(copied: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"is quantized already \(fp8\)"):
        load(says_quantized(copied, FP8), "8bit")


def test_without_bitsandbytes_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "find_spec", lambda _: None)
    with pytest.raises(InvalidSetting, match=r"pip install '.*\[quantize\]'"):
        load(folder, "4bit")


def test_8_bits_on_an_apple_gpu_are_refused() -> None:
    with pytest.raises(InvalidSetting, match="no 8-bit arithmetic for mps"):
        quantization.check_quantize("8bit", "mps:0")
    quantization.check_quantize("4bit", "mps")


def test_the_log_tells_the_memory_before_and_after(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qwenq.engine"):
        loaded = load(folder, "4bit")
    (record,) = [record for record in caplog.records if record.name == loading.logger.name]
    assert f"on cpu in float32, 4bit, {loaded.info.parameters:,} parameters" in record.getMessage()
    assert "memory resident" in record.getMessage()
    assert f", unquantized {4 * loaded.info.parameters / 2**20:.0f} MiB" in record.getMessage()
