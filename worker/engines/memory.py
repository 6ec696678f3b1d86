"""How much memory this process holds, and how much more it may take."""

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
    """Give the resident memory of this process, in bytes."""
    return int(_process().memory_info().rss)


@dataclass(frozen=True, slots=True)
class MemoryHeld:
    """What this process holds, in bytes; `on_gpu` is what PyTorch has allocated on a CUDA device, None without."""

    resident: int
    on_gpu: int | None

    @classmethod
    def now(cls, device: "torch.device") -> Self:
        """Measure it."""
        if device.type != "cuda":
            return cls(resident_bytes(), None)
        import torch

        return cls(resident_bytes(), torch.cuda.memory_allocated(device))

    def since(self, before: "MemoryHeld") -> str:
        """Say what it was before, and what it is, as people read it."""
        told = f"resident {readable(before.resident)} -> {readable(self.resident)}"
        if self.on_gpu is None or before.on_gpu is None:
            return told
        return f"{told}, allocated on the GPU {readable(before.on_gpu)} -> {readable(self.on_gpu)}"


def free_bytes(device: "torch.device") -> int:
    """Give the memory that this process may still take on `device`, in bytes.

    What PyTorch keeps for later counts as free. On a CPU the limits of the process's cgroups (version 2) hold.
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
    """Give the main memory that this process may still take, in bytes."""
    left = [available for folder in _cgroups() if (available := _left_in(folder)) is not None]
    return min(psutil.virtual_memory().available, *left) if left else psutil.virtual_memory().available


def _cgroups() -> Iterator[Path]:
    """Give the folder of the process's cgroup and those above it: each may have a limit."""
    try:
        lines = CGROUP_OF_PROCESS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        if line.startswith("0::/"):
            own = CGROUPS / line.removeprefix("0::/")
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(CGROUPS))


def _left_in(cgroup: Path) -> int | None:
    """Give what a cgroup may still take, in bytes; None without a limit.

    Files that were read long ago (`inactive_file`) count as used in `memory.current`, but give way.
    """
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        kinds = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return max(0, limit - used + int(kinds.get("inactive_file", 0)))
    except (OSError, ValueError):  # no such file, or the limit reads "max"
        return None


def readable(count: int) -> str:
    """Give a number of bytes as people read it."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < KIBI:
            return f"{size:.0f} {unit}"
        size /= KIBI
    return f"{size:.1f} GiB"
