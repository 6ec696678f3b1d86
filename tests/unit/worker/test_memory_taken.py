"""The memory of a worker, measured by its parent process without PyTorch."""

import subprocess
import sys

import pytest

from qwenq.worker.parent.memory_taken import memory_taken


@pytest.mark.parametrize("device", [None, "cpu", "none", "mps", "cuda:97"])
def test_without_an_nvidia_gpu_no_gpu_memory_is_reported(device: str | None) -> None:
    held = memory_taken(device)
    assert (held.gpu, held.gpu_total) == (None, None)


def test_only_the_working_process_is_measured() -> None:
    waits = "import sys; print('up', flush=True); sys.stdin.read()"
    assert memory_taken("cpu").resident is None
    with subprocess.Popen(
        [sys.executable, "-c", f"spawn_main = 1; {waits}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        held = memory_taken("cpu").resident
        child.communicate(b"")
    assert held is not None
    assert held > 2**20
