"""Which device a model runs on, and in which number format."""

import torch

from schemas.errors import InvalidSetting

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
DEVICE_KINDS = ("cuda", "mps", "xpu", "cpu")


def choose_device(wanted: str) -> torch.device:
    """Turn the setting into a device; `auto` is the first of CUDA, MPS, XPU and CPU that is there.

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


def choose_dtype(wanted: str, device: torch.device, checkpoint: torch.dtype) -> torch.dtype:
    """Turn the setting into a number format; `auto` is the checkpoint's own on a GPU, float32 on a CPU.

    A CPU computes in float32 unless told otherwise: there a batch cannot change an answer by rounding, and
    many processors only emulate the short formats. Raises InvalidSetting for a format that cannot work.
    """
    if wanted == "auto":
        if device.type == "cpu" or not _supports(device, checkpoint):
            return torch.float32
        return checkpoint
    dtype = DTYPES.get(wanted)
    if dtype is None:
        raise _invalid_dtype(f"{wanted!r} is not a number format; say auto, {', '.join(DTYPES)}")
    if not _supports(device, dtype):
        raise _invalid_dtype(f"{device} cannot compute in {wanted}; say float16 or float32")
    return dtype


def dtype_name(dtype: torch.dtype) -> str:
    """Name a number format as the settings do."""
    return str(dtype).removeprefix("torch.")


def reset_peak(device: torch.device) -> None:
    """Begin to measure `peak_bytes` anew."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int:
    """Give the most bytes allocated on a CUDA device since `reset_peak`; 0 elsewhere."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def free_memory(device: torch.device) -> None:
    """Hand memory that PyTorch keeps for later back to the device."""
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


def _invalid_device(reason: str) -> InvalidSetting:
    return InvalidSetting(name="QWENQ_DEVICE", reason=reason)


def _invalid_dtype(reason: str) -> InvalidSetting:
    return InvalidSetting(name="QWENQ_DTYPE", reason=reason)
