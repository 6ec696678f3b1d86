"""The memory that a worker holds, measured by its parent process: without PyTorch, and without asking the child."""

import os
from contextlib import suppress
from functools import cache
from typing import Any

import psutil

from qwenq.schemas.workers import MemoryTaken
from qwenq.worker.parent.children import working_processes


def memory_taken(device: str | None) -> MemoryTaken:
    """The memory of the working process, and of its GPU if it has one, in bytes. Costs a millisecond."""
    used, total = _gpu(device)
    return MemoryTaken(_resident_of_child(), used, total)


def _resident_of_child() -> int | None:
    held = []
    for child in working_processes():
        with suppress(psutil.Error):
            held.append(int(child.memory_info().rss))
    return max(held, default=None)


def _gpu(device: str | None) -> tuple[int | None, int | None]:
    """Used and total memory of the GPU in bytes. None, None: there is no GPU, or it is not NVIDIA's."""
    if device is None or not device.startswith("cuda") or (nvml := _nvml()) is None:
        return None, None
    with suppress(nvml.NVMLError, ValueError):
        memory = nvml.nvmlDeviceGetMemoryInfo(_handle(nvml, _index(device)))
        return int(memory.used), int(memory.total)
    return None, None


def _index(device: str) -> int:
    _, _, number = device.partition(":")
    return int(number or 0)


def _handle(nvml: Any, index: int) -> Any:
    """NVML numbers all GPUs of the machine, CUDA only those in CUDA_VISIBLE_DEVICES, by number or by UUID."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else []
    name = names[index].strip() if index < len(names) else str(index)
    if name.isdigit():
        return nvml.nvmlDeviceGetHandleByIndex(int(name))
    return nvml.nvmlDeviceGetHandleByUUID(name.encode())


@cache
def _nvml() -> Any | None:
    """NVIDIA's own library, initialized. None: there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
