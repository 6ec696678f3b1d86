"""A process ends itself when a document's preparation does not end, even while it computes."""

import os
import time

import pytest

from qwenq.schemas.chunks import Claim
from qwenq.worker.keeping.stalling import STALLED_EXIT_CODE, StallWatch

CLAIMS = [Claim(chunk_id=1, job_id=1, attempt=1, worker_id=1, first_seq=0, last_seq=0)]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The exit codes with which the process would have ended."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    return codes


def look(watch: StallWatch, seconds: float, claims: list[Claim] = CLAIMS) -> None:
    """Compute for some seconds, and look every tenth of them, as the keeper does each second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        part = time.monotonic() + seconds / 10
        while time.monotonic() < part:
            pass
        watch.note_step()  # generation goes on
        watch.replace_process_if_stalled(claims)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_document_too_long_in_preparation_ends_the_process(
    device: str, ended: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    watch = StallWatch(device, stall_seconds=0.3)
    with watch.preparing():
        look(watch, 0.6)
    assert set(ended) == {STALLED_EXIT_CODE}
    assert "a document in preparation" in str(caplog.records[0].__dict__)


def test_many_short_preparations_do_not_end_the_process(ended: list[int]) -> None:
    watch = StallWatch("cpu", stall_seconds=0.3)
    for _ in range(6):
        with watch.preparing():
            look(watch, 0.1)
    look(watch, 0.4)
    assert ended == []


def test_a_process_that_was_stopped_during_a_preparation_does_not_end(ended: list[int]) -> None:
    watch = StallWatch("cpu", stall_seconds=0.3)
    with watch.preparing():
        look(watch, 0.1)
        time.sleep(0.6)  # as after SIGSTOP and SIGCONT: the keeper did not look either
        look(watch, 0.1)
    assert ended == []
