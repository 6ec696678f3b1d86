"""How much memory this process uses, and how much more it may use."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:  # the echo engine reads its memory without PyTorch
    import torch

KIBI = 1024
CGROUPS = Path("/sys/fs/cgroup")
CGROUP_OF_PROCESS = Path("/proc/self/cgroup")


@cache
def _process() -> psutil.Process:
    return psutil.Process()


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(_process().memory_info().rss)


@dataclass(frozen=True, slots=True)
class MemoryHeld:
    """Memory of this process, in bytes. `on_gpu` is what PyTorch has allocated on a CUDA device; None without one."""

    resident: int
    on_gpu: int | None

    @classmethod
    def now(cls, device: "torch.device") -> Self:
        """Measure the memory in use now."""
        if device.type != "cuda":
            return cls(resident_bytes(), None)
        import torch

        return cls(resident_bytes(), torch.cuda.memory_allocated(device))

    def since(self, before: "MemoryHeld") -> str:
        """Say how the memory changed, for people."""
        text = f"resident {readable(before.resident)} -> {readable(self.resident)}"
        if self.on_gpu is None or before.on_gpu is None:
            return text
        return f"{text}, allocated on the GPU {readable(before.on_gpu)} -> {readable(self.on_gpu)}"


def free_bytes(device: "torch.device") -> int:
    """Return the memory that this process may still use on `device`, in bytes.

    Memory that PyTorch caches counts as free. On a CPU the limits of the process's cgroups (version 2) apply.
    """
    import torch

    if device.type == "cuda":
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + kept
    if device.type == "xpu":
        kept = torch.xpu.memory_reserved(device) - torch.xpu.memory_allocated(device)
        return int(torch.xpu.mem_get_info(device)[0]) + kept
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return free_main_bytes()


def free_main_bytes() -> int:
    """Return the main memory that this process may still use, in bytes."""
    left = [available for folder in _cgroups() if (available := _left_in(folder)) is not None]
    return min(psutil.virtual_memory().available, *left) if left else psutil.virtual_memory().available


def _cgroups() -> Iterator[Path]:
    """Yield the folder of the process's cgroup and those above it. Each may have a limit."""
    try:
        lines = CGROUP_OF_PROCESS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        if line.startswith("0::/"):
            own = CGROUPS / line.removeprefix("0::/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(CGROUPS))


def _left_in(cgroup: Path) -> int | None:
    """Return what a cgroup may still use, in bytes; None without a limit.

    `memory.current` counts cached files that were read long ago (`inactive_file`), but the kernel evicts them.
    """
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        kinds = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return max(0, limit - used + int(kinds.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such file, or the limit reads "max"
        return None


def readable(count: int) -> str:
    """Format a number of bytes for people."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < KIBI:
            return f"{size:.0f} {unit}"
        size /= KIBI
    return f"{size:.1f} GiB"
