"""A process that belongs to this one: started with a log file, watched, and stopped with it."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from qwenq.schemas.errors import ServiceFailed

_PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 4_000
FULL_BYTES = 1024 * 1024
"""With less room than that, a disk is full for one or another service."""


class Service:
    """A child process in a session of its own, so that Ctrl-C reaches only the process that started it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **env},
                start_new_session=True,
                preexec_fn=_stop_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    @classmethod
    def of_qwenq(cls, name: str, arguments: Sequence[str], log: Path, env: Mapping[str, str]) -> "Service":
        """A qwenq command as a service. -P keeps it from importing files of the folder where it stands."""
        return cls(name, [sys.executable, "-P", "-m", "qwenq", *arguments], log, env)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def require_running(self) -> None:
        """Raise ServiceFailed, with the end of its log, if the process has ended."""
        if self.exit_code is not None:
            raise ServiceFailed(service=self.name, reason=self._last_words(), log=str(self.log))

    def ask_to_stop(self) -> None:
        """Send TERM, which every service takes as a polite request."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self, seconds: float) -> None:
        """Wait for the process; past the time, kill it. Whatever it started and left behind goes too."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process and all of its session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def _last_words(self) -> str:
        if self.exit_code is not None and self.exit_code < 0:
            return f"it was killed by signal {-self.exit_code} (9 is also what a lack of memory looks like)"
        if shutil.disk_usage(self.log.parent).free < FULL_BYTES:
            # It could not write why, and whichever service ends first is only the first to need room.
            return f"exit code {self.exit_code}, and the disk that holds its log is full. Free disk space"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        said = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return f"exit code {self.exit_code}, last words: {said.strip()}"


def _stop_with_parent() -> None:
    """Ask the kernel for a TERM when the parent dies, even by kill -9: no stray process stays behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
