"""Whether the reader process ran out of memory: libraries in C then say that the file is damaged."""

import resource
from pathlib import Path

_STATUS = Path("/proc/self/status")
_PEAK = "VmPeak:"


def raise_if_short() -> None:
    """Raise MemoryError if this process has used nearly all address space that it may use.

    Call it where an error of a library becomes a reason. Only Linux tells; elsewhere the library's word counts.
    """
    most = resource.getrlimit(resource.RLIMIT_AS)[0]
    if most != resource.RLIM_INFINITY and _peak_bytes() > most * 7 // 8:
        raise MemoryError


def _peak_bytes() -> int:
    try:
        lines = _STATUS.read_text("ascii", "replace").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(_PEAK)), 0)
