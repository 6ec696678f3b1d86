"""Decode steps are replayed if model, device and trial allow it. Otherwise the log says why not."""

import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import torch

from qwenq.schemas.settings import Settings
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.dense import graph_choice
from qwenq.worker.engines.transformers.dense.graph_choice import choose_recorder, try_out
from qwenq.worker.engines.transformers.dense.graph_trial import Trial

Networks = Callable[[str], Any]
GPU = torch.device("cuda", 0)


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch, network_of: Networks) -> Networks:
    """Make models that claim to be on a GPU. No trial runs, and nothing is recorded."""

    def give(name: str) -> Any:
        network = network_of(name)
        monkeypatch.setattr(type(network), "device", GPU)
        return network

    monkeypatch.setattr(graph_choice, "try_out", lambda _: None)
    monkeypatch.setattr(graph_choice, "CudaRecorder", lambda device: f"recorder on {device}")
    return give


def test_after_a_successful_trial_decode_steps_are_recorded(on_gpu: Networks) -> None:
    chosen: object = choose_recorder(on_gpu("qwen3"), EngineOptions())
    assert chosen == "recorder on cuda:0"


def test_the_cuda_graphs_setting_reaches_the_engine() -> None:
    assert EngineOptions.of(Settings()).cuda_graphs
    assert not EngineOptions.of(Settings(cuda_graphs=False)).cuda_graphs


def test_no_trial_runs_on_other_devices(network_of: Networks, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "qwenq.engine"):
        assert choose_recorder(network_of("qwen3"), EngineOptions()) is None
    assert not caplog.text


def quantized(network: Any) -> Any:
    network.model.layers[1].mlp.up_proj = type("Fewer", (torch.nn.Linear,), {})(64, 96)
    return network


@pytest.mark.parametrize(
    ("name", "change", "options", "trial", "reason"),
    [
        ("qwen3", None, EngineOptions(cuda_graphs=False), None, "QWENQ_CUDA_GRAPHS is off"),
        ("qwen3_moe", None, EngineOptions(), None, "Qwen3MoeForCausalLM is not written out"),
        ("qwen3", quantized, EngineOptions(), None, "its weights are quantized"),
        ("qwen3", None, EngineOptions(), "RuntimeError: no", "RuntimeError: no"),
    ],
)
def test_the_log_says_why_decode_steps_are_not_recorded(
    name: str,
    change: Callable[[Any], Any] | None,
    options: EngineOptions,
    trial: str | None,
    reason: str,
    on_gpu: Networks,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = on_gpu(name)
    if change is not None:
        network = change(network)
    monkeypatch.setattr(graph_choice, "try_out", lambda _: trial)
    with caplog.at_level("INFO", "qwenq.engine"):
        assert choose_recorder(network, options) is None
    (line,) = caplog.messages
    assert line.startswith("decode steps are not replayed as CUDA graphs: ")
    assert line.endswith(reason)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_trial_says_why_it_failed(network_of: Networks) -> None:
    reason = try_out(Trial.of(network_of("qwen3")))
    assert reason is not None
    assert re.match("[A-Za-z]+Error: .*cuda", reason)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_trial_on_a_gpu_succeeds(network_of: Networks) -> None:
    assert try_out(Trial.of(network_of("qwen3").to(GPU, torch.bfloat16))) is None


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (subprocess.CompletedProcess([], 0, stderr="a warning"), None),
        (subprocess.CompletedProcess([], 1, stderr="Traceback\n\nRuntimeError: no\n\n"), "RuntimeError: no"),
        (subprocess.CompletedProcess([], -11, stderr=""), "the trial ended with -11"),
        (subprocess.TimeoutExpired("python", 180), "timed out after 180 seconds"),
        (OSError("no more processes"), "OSError: no more processes"),
    ],
)
def test_every_end_of_a_trial_gives_success_or_a_reason(
    outcome: Any, reason: str | None, network_of: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_: object, **__: object) -> Any:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(subprocess, "run", run)
    told = try_out(Trial.of(network_of("qwen3")))
    assert told is None if reason is None else reason in str(told)
