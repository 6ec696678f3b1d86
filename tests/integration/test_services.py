"""A service that ended is reported with its last output, or with a full disk as the reason."""

import sys
from pathlib import Path

import pytest

from qwenq.embedded import service as service_module
from qwenq.embedded.service import Service
from qwenq.schemas.errors import ServiceFailed
from tests.waiting import eventually


def ended(folder: Path, *said: str) -> Service:
    """A service that printed this and failed."""
    script = f"for line in {said!r}: print(line)\nraise SystemExit(3)"
    service = Service("beat", [sys.executable, "-c", script], folder / "beat.log", {})
    eventually(lambda: service.exit_code is not None, "it ends")
    return service


def test_a_service_that_ended_is_reported_with_its_last_output(tmp_path: Path) -> None:
    with pytest.raises(ServiceFailed, match="exit code 3, last words: goodbye"):
        ended(tmp_path, "hello", "goodbye", "").require_running()


def test_a_full_disk_is_the_reason_and_not_whichever_service_ended_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_module, "FULL_BYTES", 2**63)  # more than any disk has
    with pytest.raises(ServiceFailed, match=r"the disk that holds its log is full\. Free disk space"):
        ended(tmp_path).require_running()
