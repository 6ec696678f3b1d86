"""Signals that ask a process to end, at moments that Python itself makes awkward."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qwenq.producer.signals import INTERRUPTED, Interrupted, Signals

ROOT = Path(__file__).parents[3]
BEGIN = """
import os, signal, sys, time
from qwenq.producer.signals import INTERRUPTED, Signals

signals = Signals()
signals.install_for_process()

def send(kill=os.kill, process=os.getpid(), number=signal.Signals[sys.argv[1]]):
    kill(process, number)

class Sends:
    def __del__(self, send=send):
        send()
"""
CAUGHT_IN_EXEC = """
try:
    exec("send()")
except KeyboardInterrupt:
    signals.end_with(INTERRUPTED)
sys.exit(INTERRUPTED)
"""
DROPPED_IN_DESTRUCTOR = """
try:
    Sends()
    time.sleep(60)
except KeyboardInterrupt:
    signals.end_with(INTERRUPTED)
    sys.exit(INTERRUPTED)
"""
SENT_TWICE = """
try:
    send()
except KeyboardInterrupt:
    send()
    signals.end_with(INTERRUPTED)
sys.exit(INTERRUPTED)
"""
SENT_AGAIN_AND_AGAIN = """
try:
    send()
except KeyboardInterrupt:
    try:
        for _ in range(600):
            time.sleep(0.1)
            send()
    except KeyboardInterrupt:
        signals.end_with(INTERRUPTED)
        sys.exit(INTERRUPTED)
"""
SENT_WHEN_OVER = """
print("all of it")
signals.end_with(0)
send()
time.sleep(60)
"""
SENT_BY_THE_LAST_DESTRUCTOR = """
signals.end_with(0)
kept = Sends()
kept.itself = kept
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("program", "expected"),
    [
        pytest.param(CAUGHT_IN_EXEC, (130, ""), id="caught in an exec"),
        pytest.param(DROPPED_IN_DESTRUCTOR, (130, ""), id="dropped in a destructor"),
        pytest.param(SENT_TWICE, (130, ""), id="sent twice"),
        pytest.param(SENT_AGAIN_AND_AGAIN, (130, ""), id="sent again and again"),
        pytest.param(SENT_WHEN_OVER, (0, "all of it\n"), id="sent when all is done"),
        pytest.param(SENT_BY_THE_LAST_DESTRUCTOR, (0, ""), id="sent while Python ends"),
    ],
)
def test_a_signal_never_changes_the_exit_code_that_was_chosen(
    tmp_path: Path, program: str, expected: tuple[int, str], number: str
) -> None:
    (tmp_path / "program.py").write_text(BEGIN + program)
    ended = subprocess.run(
        [sys.executable, "-m", "program", number],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == expected
    assert ended.stderr == ""


def test_a_signal_raises_although_held_five_seconds_after_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    signals = Signals()

    def hear(at: float) -> None:
        monkeypatch.setattr("time.monotonic", lambda: at)
        signals.hear(2, None)

    with pytest.raises(Interrupted):
        hear(100.0)
    with signals.holding():
        hear(103.0)
        with pytest.raises(Interrupted):
            hear(106.0)


def test_last_words_that_nobody_takes_leave_an_interrupted_command_its_exit_code() -> None:
    program = """
import contextlib, sys
from qwenq.producer.signals import INTERRUPTED, Signals
signals = Signals()
signals.install_for_process()
with contextlib.suppress(OSError):
    print("never read", file=sys.stderr)
signals.end_with(INTERRUPTED)
sys.exit(INTERRUPTED)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    reads, writes = os.pipe()
    os.close(reads)
    done = subprocess.run(
        [sys.executable, "-c", program], stderr=writes, env=environment, check=False, timeout=60
    )
    os.close(writes)
    assert done.returncode == INTERRUPTED
