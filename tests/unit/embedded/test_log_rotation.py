"""The log of a service is rotated while several of its processes write to it."""

from pathlib import Path

from qwenq.embedded.log_rotation import rotate


def test_a_log_beyond_its_size_is_rotated_and_the_newest_copies_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as service:
        for number in range(4):
            service.write(b"%d" % number * 11)
            rotate(log, 10, kept=2)
            assert log.stat().st_size == 0
        service.write(b"on")
        rotate(log, 10, kept=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "worker.log": b"on",
        "worker.log.1": b"3" * 11,
        "worker.log.2": b"2" * 11,
    }
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("*.log.*")} == {0}


def test_a_log_that_cannot_be_copied_grows_on(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_bytes(b"x" * 11)
    (tmp_path / "worker.log.1" / "in the way").mkdir(parents=True)
    rotate(log, 10, kept=1)
    assert log.read_bytes() == b"x" * 11
    rotate(tmp_path / "missing.log", 10, kept=1)
