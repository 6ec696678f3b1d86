"""Devices and number formats: which are chosen, refused, or slow."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from qwenq.schemas.errors import EngineBroken, InvalidSetting
from qwenq.schemas.settings import Dtype, Settings
from qwenq.worker.engines.transformers.kind import TransformersKind
from qwenq.worker.engines.transformers.loading import device as devices
from qwenq.worker.engines.transformers.loading import trial
from tests.processes import TINY_MODEL

REPOSITORY = TINY_MODEL.parents[1]
CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)


def test_auto_is_float32_on_a_cpu_and_the_checkpoints_own_format_on_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    assert devices.choose_dtype("auto", CPU, torch.bfloat16) == torch.float32
    assert devices.choose_dtype("auto", GPU, torch.bfloat16) == torch.bfloat16


def test_auto_avoids_bfloat16_on_a_gpu_that_emulates_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    assert devices.choose_dtype("auto", GPU, torch.bfloat16) == torch.float32
    assert devices.choose_dtype("float16", GPU, torch.bfloat16) == torch.float16
    with pytest.raises(InvalidSetting, match="cuda:0 cannot compute in bfloat16; say float16 or float32"):
        devices.choose_dtype("bfloat16", GPU, torch.bfloat16)


@pytest.mark.parametrize(("dtype", "format_"), [("float16", torch.float16), ("bfloat16", torch.bfloat16)])
def test_a_format_that_the_processor_emulates_is_slow_and_works(
    monkeypatch: pytest.MonkeyPatch, dtype: Dtype, format_: torch.dtype
) -> None:
    monkeypatch.setattr(devices, "is_native", lambda found: found != format_)
    assert f"only emulates {dtype}" in (devices.try_device("cpu", dtype) or "")
    monkeypatch.setattr(devices, "is_native", lambda found: found == format_)
    assert devices.try_device("cpu", dtype) is None


def test_float32_is_never_called_slow() -> None:
    assert devices.try_device("cpu", "float32") is None
    assert devices.slow_reason(GPU, torch.float16) is None


def test_the_processor_says_which_formats_are_native() -> None:
    assert {devices.is_native(dtype) for dtype in (torch.float16, torch.bfloat16)} <= {True, False}


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_missing_device_is_refused_by_a_child_process() -> None:
    with pytest.raises(
        InvalidSetting, match=r"QWENQ_DEVICE is not valid: PyTorch .* finds no cuda device here"
    ):
        TransformersKind().try_device(Settings(device="cuda:3"))


def test_the_child_process_imports_nothing_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pickle", "signal", "types"):
        (tmp_path / f"{name}.py").write_text("raise AssertionError\n")
    monkeypatch.chdir(tmp_path)
    slow = TransformersKind().try_device(Settings(device="cpu", dtype="bfloat16"))
    assert slow is None or "only emulates bfloat16" in slow


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_devices_that_are_always_here_start_no_process(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "try_engine", None)
    TransformersKind().check_model(str(TINY_MODEL), Settings(device=device, dtype="bfloat16"))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ImportError('libtorch_cpu.so: failed to map segment')", ("failed to map segment", "ulimit -v")),
        ("raise ImportError('undefined symbol: ncclCommWindow')", ("undefined symbol", "--force-reinstall")),
        ("raise MemoryError", ("MemoryError", "ulimit -v")),
        ("import os, sys; sys.stderr.write('what(): std::bad_alloc\\n'); os.abort()", ("signal 6", "std::bad_alloc")),
        ("import sys; sys.exit('no license')", ("exit code 1", "no license")),
    ],
    ids=["memory to map", "symbol", "memory", "abort", "exit"],
)  # fmt: skip
def test_libraries_that_cannot_be_loaded_are_told_with_their_last_words(
    code: str, said: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "torch.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(REPOSITORY)]))
    with pytest.raises(EngineBroken) as broken:
        TransformersKind().try_device(Settings(device="auto"))
    assert all(part in str(broken.value) for part in said)
