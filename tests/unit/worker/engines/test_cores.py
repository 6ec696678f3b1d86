"""How usable cores are counted."""

from pathlib import Path

import pytest

from qwenq.worker.engines import cores


@pytest.mark.parametrize(
    ("content", "expected"), [("200000 100000\n", 2), ("max 100000\n", None), ("", None)]
)
def test_the_quota_of_a_container_is_read(tmp_path: Path, content: str, expected: int | None) -> None:
    file = tmp_path / "cpu.max"
    file.write_text(content)
    assert cores.cgroup_quota(file) == expected


def test_a_quota_limits_the_cores_to_at_least_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cpu.max"
    monkeypatch.setattr(cores, "CGROUP_QUOTA", file)
    unlimited = cores.usable_cores()
    file.write_text("100000 100000")
    assert cores.usable_cores() == 1 <= unlimited
    file.write_text("10000 100000")
    assert cores.usable_cores() == 1
