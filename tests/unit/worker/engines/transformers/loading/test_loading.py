"""Loading a model: the log, and the errors."""

import importlib
import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from qwenq.schemas.errors import InvalidSetting, ModelUnavailable
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.revision import weights_of
from qwenq.worker.engines.transformers.loading import chat_template
from qwenq.worker.engines.transformers.loading.loading import load_model

Checkpoint = Callable[[str], Path]
ON_CPU = EngineOptions("cpu")
FOR_EVER = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
DOUBLING = "{% set ns = namespace(s='x') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}"
ADVICE = r"Give --model \(or QWENQ_MODEL\) a hub id or a folder that holds"


@pytest.fixture
def copied(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """Copy a model, so that a test may damage it."""
    return Path(shutil.copytree(checkpoint("qwen3"), tmp_path / "model"))


def say(file: Path, **more: Any) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | more))


def test_loading_logs_one_line(checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="qwenq.engine"):
        loaded = load_model(str(checkpoint("qwen3")), ON_CPU)
    info = loaded.info
    assert (info.device, info.dtype, info.context) == ("cpu", "float32", 512)
    assert info.parameters > 100_000
    assert info.weights == weights_of(str(checkpoint("qwen3")))
    (record,) = [record for record in caplog.records if record.name == "qwenq.engine"]
    assert record.getMessage().startswith("model loaded")


def test_a_cpu_computes_in_float32_by_default(copied: Path) -> None:
    assert load_model(str(copied), EngineOptions("cpu", "bfloat16")).info.dtype == "bfloat16"
    config = json.loads((copied / "config.json").read_text()) | {"dtype": "bfloat16"}
    (copied / "config.json").write_text(json.dumps(config))
    assert load_model(str(copied), ON_CPU).info.dtype == "float32"


def test_every_end_token_of_model_and_tokenizer_counts(checkpoint: Checkpoint) -> None:
    loaded = load_model(str(checkpoint("qwen3")), ON_CPU)
    known = loaded.tokenizer.get_vocab()
    assert loaded.vocabulary.ends == {known["<|im_end|>"], known["<|endoftext|>"]}


@pytest.mark.parametrize("device", ["cuda", "xpu", "cuda:9", "toaster", "meta"])
def test_a_device_that_is_not_here_is_refused(checkpoint: Checkpoint, device: str) -> None:
    if device == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has the device")
    with pytest.raises(InvalidSetting, match="QWENQ_DEVICE"):
        load_model(str(checkpoint("qwen3")), EngineOptions(device))


def test_a_missing_folder_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=rf"there is no such folder\. {ADVICE}"):
        load_model(str(tmp_path / "nowhere"), ON_CPU)


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=rf"holds no config\.json\. {ADVICE}"):
        load_model(str(tmp_path), ON_CPU)


def test_a_file_is_refused_as_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.zip").touch()
    with pytest.raises(ModelUnavailable, match="it is a file"):
        load_model(str(tmp_path / "model.zip"), ON_CPU)


def test_a_hub_that_cannot_be_reached_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=r"the hub is not asked .* --local-dir FOLDER"):
        load_model("qwenq-tests/no-such-model", ON_CPU)


def test_missing_weights_are_reported(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match=rf"no weights .*\. {ADVICE}"):
        load_model(str(copied), ON_CPU)


def test_weights_with_missing_tensors_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelUnavailable, match="its weights lack 1 tensor"):
        load_model(str(copied), ON_CPU)


def test_broken_weights_are_reported(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load_model(str(copied), ON_CPU)


def test_a_missing_tokenizer_is_reported(copied: Path) -> None:
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer_config.json").unlink()
    with pytest.raises(ModelUnavailable, match="tokenizer"):
        load_model(str(copied), ON_CPU)


def test_a_missing_chat_template_is_reported(copied: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    with pytest.raises(ModelUnavailable, match="no chat template"):
        load_model(str(copied), ON_CPU)


def test_a_tokenizer_of_another_model_is_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = weights[name][:430].clone()
    save_file(weights, copied / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((copied / "config.json").read_text()) | {"vocab_size": 430}
    (copied / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnavailable, match="its tokenizer has 434 tokens, its weights only 430"):
        load_model(str(copied), ON_CPU)


def test_code_in_a_models_folder_is_never_run(copied: Path) -> None:
    config = json.loads((copied / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}
    (copied / "config.json").write_text(json.dumps(config))
    (copied / "own.py").write_text("raise SystemExit('the code of the model was run')")
    with pytest.raises(ModelUnavailable, match="code of its own"):
        load_model(str(copied), ON_CPU)


def test_code_of_a_checkpoint_is_never_asked_about(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transformers asks on standard input by default, and runs the code after a yes."""
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("it asked"))
    (copied / "own.py").write_text("raise SystemExit('the code of the model was run')")
    say(copied / "tokenizer_config.json", auto_map={"AutoTokenizer": [None, "own.Tokens"]})
    assert load_model(str(copied), ON_CPU).vocabulary.ends  # Transformers knows its tokenizer
    say(copied / "config.json", model_type="own", auto_map={"AutoConfig": "own.Config"})
    with pytest.raises(ModelUnavailable, match="code of its own"):
        load_model(str(copied), ON_CPU)


def test_kernels_of_the_hub_are_never_run(copied: Path) -> None:
    say(copied / "config.json", attn_implementation="some/kernel")
    with pytest.raises(ModelUnavailable, match="kernels from the hub"):
        load_model(str(copied), ON_CPU)
    with pytest.raises(ImportError):
        importlib.import_module("kernels")


def test_a_model_that_does_not_generate_text_is_refused(copied: Path) -> None:
    (copied / "config.json").write_text(json.dumps({"model_type": "dinov2"}))
    with pytest.raises(
        ModelUnavailable, match=r"not a model that generates text \(dinov2\).*: take a chat model"
    ):
        load_model(str(copied), ON_CPU)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"hidden_act": "nonsense"}, "hidden_act is 'nonsense'"),
        (
            {"rope_parameters": {"rope_type": "nonsense", "rope_theta": 1e4}},
            "rope_parameters.rope_type is 'nonsense'",
        ),
    ],
    ids=["activation", "rope"],
)
def test_a_value_that_transformers_does_not_know_is_told_with_its_key(
    copied: Path, found: dict[str, Any], said: str
) -> None:
    say(copied / "config.json", **found)
    with pytest.raises(
        ModelUnavailable, match=f"in its config.json {said}, which this version of Transformers"
    ):
        load_model(str(copied), ON_CPU)


def test_a_tokenizer_that_cannot_be_read_is_told_by_its_file(copied: Path) -> None:
    say(copied / "tokenizer.json", model={"type": "BPE", "vocab": [1]})
    with pytest.raises(ModelUnavailable, match=r"its tokenizer.json is damaged .*: download it again"):
        load_model(str(copied), ON_CPU)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (FOR_EVER, "took longer than"),
        (f"{{% generation %}}{FOR_EVER}{{% endgeneration %}}", "took longer than"),
        ("{{ ('x' * 99999999999) | length }}", "needed more than 512 MiB of memory"),
        (DOUBLING, "needed more than 512 MiB of memory"),
        ("{% if false %}{{ 'x' * 99999999999 }}{% endif %}", "needed more than 512 MiB of memory"),
    ],
    ids=["for ever", "for ever in a block of transformers", "memory", "doubling", "a constant"],
)  # fmt: skip
def test_a_chat_template_that_costs_without_bound_is_refused(
    copied: Path, template: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 2 if "took" in reason else 60  # on a busy machine, memory fills slowly
    monkeypatch.setattr(chat_template, "_LIMITS", replace(chat_template._LIMITS, seconds=seconds))
    (copied / "chat_template.jinja").write_text(template)
    with pytest.raises(ModelUnavailable, match=f"its chat template cannot be used: .*{reason}"):
        load_model(str(copied), ON_CPU)


def test_a_template_that_only_a_processor_reads_is_taken(copied: Path) -> None:
    template = (copied / "chat_template.jinja").read_text()
    (copied / "chat_template.jinja").unlink()
    (copied / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load_model(str(copied), ON_CPU).tokenizer.chat_template == template


@pytest.mark.parametrize(
    "template", ["{{ raise_exception('no system message') }}", "{{ messages[9].content }}"]
)
def test_a_chat_template_that_refuses_a_conversation_is_not_judged_at_loading(
    copied: Path, template: str
) -> None:
    (copied / "chat_template.jinja").write_text(template)
    assert load_model(str(copied), ON_CPU).context
