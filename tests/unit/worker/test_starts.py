"""Working processes that die before they are ready, and what they said last."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from qwenq.worker.parent.starts import MOST_KILLED, MOST_UNBEGUN, Starts
from qwenq.worker.start_errors import LONGEST, last_words, start_reason
from tests.processes import TINY_MODEL

LOADING = "from qwenq.worker.turn.start_note import start_note\nimport ctypes, os, sys\n"
ABORT = "with start_note():\n ctypes.CDLL(None).write(2, b'what():  bad_alloc\\n', 19)\n os.abort()"
CRASH = "with start_note():\n os.kill(os.getpid(), 11)"
EXIT = "with start_note():\n os._exit(4)"
KILL = "with start_note():\n os.kill(os.getpid(), 9)"
LATER = "with start_note():\n print('loading', file=sys.stderr)\nos.abort()"


@pytest.fixture
def starts() -> Iterator[Starts]:
    starts = Starts()
    yield starts
    starts.close()


def end(starts: Starts, code: str) -> tuple[str | None, str]:
    """Run a process; why no other need be started, and its standard error."""
    process = subprocess.Popen(
        [sys.executable, "-c", LOADING + code], cwd=TINY_MODEL.parents[1], stderr=subprocess.PIPE, text=True
    )
    _, said = process.communicate()
    return starts.why_hopeless(process.pid, process.returncode), said


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            ABORT,
            (
                "crashed (SIGABRT); its last words: what():  bad_alloc; Fatal Python error: Aborted. The process may "
                "not take the memory or the threads that it needs: raise its limits (`ulimit -v`, `ulimit -u`, those "
                "of its container), or free memory"
            ),
        ),
        (CRASH, "crashed (SIGSEGV); its last words: Fatal Python error: Segmentation fault"),
        (EXIT, "ended with exit code 4"),
    ],
    ids=["abort", "crash", "exit"],
)
def test_a_process_that_dies_while_it_loads_is_told_with_its_last_words(
    starts: Starts, code: str, reason: str
) -> None:
    assert end(starts, code)[0] == f"the process that loads it {reason}"


def test_a_process_that_is_killed_while_it_loads_may_try_once_more(starts: Starts) -> None:
    reasons = [end(starts, KILL)[0] for _ in range(MOST_KILLED)]
    assert reasons[:-1] == [None] * (MOST_KILLED - 1)
    assert "memory runs out" in (reasons[-1] or "")


def test_what_a_process_said_while_it_loaded_is_shown_once_it_has_started(starts: Starts) -> None:
    reason, said = end(starts, LATER)
    assert reason is None
    assert "loading" in said


def test_processes_that_end_before_they_begin_are_given_up_after_some(starts: Starts) -> None:
    reasons = [starts.why_hopeless(os.getpid(), -signal.SIGSEGV) for _ in range(MOST_UNBEGUN)]
    assert reasons[:-1] == [None] * (MOST_UNBEGUN - 1)
    assert "the last crashed (SIGSEGV)" in (reasons[-1] or "")


def test_an_error_is_told_with_the_error_that_caused_it() -> None:
    error = ModuleNotFoundError("Could not import module 'Qwen3Config'.")
    error.__cause__ = ImportError("libc10.so: undefined symbol: x")
    assert start_reason(error).startswith(
        "ModuleNotFoundError: Could not import module 'Qwen3Config', since ImportError: libc10.so: undefined symbol: x"
    )


def test_a_long_error_keeps_its_beginning_and_its_end() -> None:
    said = start_reason(ValueError(f"numpy failed\n{'x' * 5_000}\nOriginal error was: no libopenblas"))
    assert said.startswith("ValueError: numpy failed")
    assert said.endswith("no libopenblas")
    assert len(said) < LONGEST + 10


def test_stacks_are_no_last_words() -> None:
    assert last_words(
        'Fatal Python error: Aborted\n\nThread 0x01 (most recent):\n  File "a.py", line 3 in f\n'
    ) == ("Fatal Python error: Aborted")
