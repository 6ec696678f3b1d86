"""How used and free memory is measured."""

from pathlib import Path

import psutil
import pytest
import torch

from qwenq.worker.engines import memory

CPU = torch.device("cpu")
GIB = 2**30


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the process into the cgroup `batch/worker` of a given folder."""
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/legacy\n0::/batch/worker\n")
    root = tmp_path / "cgroups"
    (root / "batch" / "worker").mkdir(parents=True)
    monkeypatch.setattr(memory, "CGROUP_OF_PROCESS", membership)
    monkeypatch.setattr(memory, "CGROUPS", root)
    return root


def limit(cgroup: Path, most: str, current: int, inactive: int = 0) -> None:
    (cgroup / "memory.max").write_text(f"{most}\n")
    (cgroup / "memory.current").write_text(f"{current}\n")
    (cgroup / "memory.stat").write_text(f"anon {current - inactive}\ninactive_file {inactive}\n")


def test_without_a_limit_the_memory_of_the_machine_is_free(cgroups: Path) -> None:
    limit(cgroups / "batch", "max", 1000)
    assert 0 < memory.free_bytes(CPU) <= psutil.virtual_memory().total


def test_a_container_limits_memory_and_old_cached_files_count_as_free(cgroups: Path) -> None:
    limit(cgroups / "batch" / "worker", "9000", 6000, inactive=500)
    assert memory.free_bytes(CPU) == 3500


def test_the_tightest_limit_of_all_parent_cgroups_applies(cgroups: Path) -> None:
    limit(cgroups / "batch" / "worker", "9000", 6000)
    limit(cgroups / "batch", "7000", 6500)
    limit(cgroups, "max", 6500)
    assert memory.free_bytes(CPU) == 500


def test_no_memory_is_free_past_the_cgroups_limit(cgroups: Path) -> None:
    limit(cgroups / "batch" / "worker", "5000", 6000)
    assert memory.free_bytes(CPU) == 0


def test_a_machine_without_cgroups_has_no_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP_OF_PROCESS", tmp_path / "nowhere")
    assert memory.free_bytes(CPU) > 0


def test_allocated_memory_is_resident() -> None:
    before = memory.resident_bytes()
    block = torch.ones(GIB // 4, dtype=torch.uint8)
    assert memory.resident_bytes() - before > len(block) * 0.9


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (2048, "2 KiB"),
        (5 * 2**20, "5 MiB"),
        (GIB, "1.0 GiB"),
        (5000 * GIB, "5000.0 GiB"),
    ],
)
def test_bytes_are_formatted_for_people(count: int, told: str) -> None:
    assert memory.readable(count) == told


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_memory_that_pytorch_caches_is_free_on_a_gpu() -> None:
    device = torch.device("cuda", 0)
    free = memory.free_bytes(device)
    block = torch.ones(GIB // 4, dtype=torch.uint8, device=device)
    assert memory.free_bytes(device) <= free - GIB // 8
    del block
    assert memory.free_bytes(device) > free - GIB // 8
