"""Which device a model runs on, and in which number format."""

import ctypes
import sys

import torch

from qwenq.schemas.errors import InvalidSetting
from qwenq.schemas.settings import Dtype

DTYPES: dict[Dtype, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
DEVICE_KINDS = ("cuda", "mps", "xpu", "cpu")


def choose_device(wanted: str) -> torch.device:
    """Turn the setting into a device; `auto` is the first available of CUDA, MPS, XPU and CPU.

    Raises InvalidSetting if there is no such device on this machine.
    """
    if wanted == "auto":
        return torch.device(next(kind for kind in DEVICE_KINDS if _count(kind)))
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise _invalid_device(
            f"{wanted!r} is not a device; say auto, cpu, cuda, cuda:1, mps or xpu"
        ) from None
    if device.type not in DEVICE_KINDS:
        raise _invalid_device(f"{wanted!r} is not supported; say auto, cpu, cuda, cuda:1, mps or xpu")
    count = _count(device.type)
    if not count:
        raise _invalid_device(f"PyTorch {torch.__version__} finds no {device.type} device here")
    if (device.index or 0) >= count:
        raise _invalid_device(f"there is no {wanted}: {count} {device.type} device(s) here, counted from 0")
    return device


def choose_dtype(wanted: Dtype, device: torch.device, checkpoint: torch.dtype) -> torch.dtype:
    """Turn the setting into a number format; `auto` is the checkpoint's own on a GPU, float32 on a CPU.

    A CPU computes in float32 by default: rounding then does not change an answer in a batch, and many processors only
    emulate the short formats. Raises InvalidSetting for a format that the device cannot compute in.
    """
    if wanted == "auto":
        if device.type == "cpu" or not _supports(device, checkpoint):
            return torch.float32
        return checkpoint
    dtype = DTYPES[wanted]
    if not _supports(device, dtype):
        raise _invalid_dtype(f"{device} cannot compute in {wanted}; say float16 or float32")
    return dtype


def try_device(wanted: str, dtype: Dtype) -> str | None:
    """Say why a number format is slow on a device; None if it is not. Raises InvalidSetting if it cannot be used."""
    device = choose_device(wanted)
    return slow_reason(device, choose_dtype(dtype, device, torch.float32))


def slow_reason(device: torch.device, dtype: torch.dtype) -> str | None:
    """Say why a number format is slow on a device; None if it is not."""
    if device.type != "cpu" or dtype == torch.float32 or is_native(dtype):
        return None
    return f"this processor only emulates {dtype_name(dtype)}, which takes several times as long as float32"


def dtype_name(dtype: torch.dtype) -> str:
    """Name a number format as the settings do."""
    return str(dtype).removeprefix("torch.")


def reset_peak(device: torch.device) -> None:
    """Restart the measurement of `peak_bytes`."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int:
    """Return the most bytes allocated on a CUDA device since `reset_peak`; 0 on other devices."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def free_memory(device: torch.device) -> None:
    """Return cached memory: PyTorch's to the device, the C library's to the machine."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)  # glibc keeps what threads used while reading weights
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count()
    if kind == "xpu":
        return torch.xpu.device_count()
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    return 1


def _supports(device: torch.device, dtype: torch.dtype) -> bool:
    if device.type == "cuda" and dtype == torch.bfloat16:
        return torch.cuda.get_device_capability(device) >= (8, 0)  # older ones only emulate it
    return True


def is_native(dtype: torch.dtype) -> bool:
    """Whether this processor has instructions for a short format."""
    if dtype == torch.bfloat16:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - PyTorch tells it nowhere else
    return bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())  # noqa: SLF001


def _invalid_device(reason: str) -> InvalidSetting:
    return InvalidSetting(name="QWENQ_DEVICE", reason=reason)


def _invalid_dtype(reason: str) -> InvalidSetting:
    return InvalidSetting(name="QWENQ_DTYPE", reason=reason)
