"""How many processor cores this process may use."""

import os
from pathlib import Path

CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Count the cores that the process may run on, within its container's quota; at least 1."""
    cores = _cores_of_process()
    quota = cgroup_quota(CGROUP_QUOTA)
    return min(cores, quota) if quota else cores


def _cores_of_process() -> int:
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cgroup_quota(path: Path) -> int | None:
    """Read cgroup v2's `<microseconds> <period>` as whole cores; None without a quota."""
    try:
        allowed, period = path.read_text().split()
        return max(1, round(int(allowed) / int(period)))
    except (OSError, ValueError):  # no such file, or the quota reads "max"
        return None
