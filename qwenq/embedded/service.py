"""A child process with a log file, which ends with this process."""

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
from qwenq.schemas.machine.import_path import safe_variables
from qwenq.schemas.machine.settings_file import UNSEEN

_PR_SET_PDEATHSIG = 1
LOG_TAIL_BYTES = 4_000
FULL_BYTES = 1024 * 1024
"""A disk with less room counts as full: some service cannot write to it."""


class Service:
    """A child process in its own session, so that Ctrl-C reaches only the process that started it."""

    def __init__(self, name: str, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._env = dict(env)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.touch(mode=0o600)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **safe_variables(os.environ), UNSEEN: "1", **env},
                start_new_session=True,
                preexec_fn=_stop_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
            )

    @classmethod
    def of_qwenq(cls, name: str, arguments: Sequence[str], log: Path, env: Mapping[str, str]) -> "Service":
        """Start a qwenq command as a service. -P keeps modules of the working folder out of it."""
        return cls(name, [sys.executable, "-P", "-m", "qwenq", *arguments], log, env)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while the process runs."""
        return self._process.poll()

    def require_running(self) -> None:
        """Raise ServiceFailed, with the last line of the log, if the process has ended."""
        if self.exit_code is not None:
            raise ServiceFailed(service=self.name, reason=self.last_words(), log=str(self.log))

    def ask_to_stop(self) -> None:
        """Send TERM: every service then stops politely."""
        if self.exit_code is None:
            self._process.send_signal(signal.SIGTERM)

    def wait_until_stopped(self, seconds: float) -> None:
        """Wait for the process, then kill it and every process of its session that is left."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process and its whole session."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def started_again(self) -> "Service":
        """Start the command of this service, which has ended, once more."""
        self.kill()
        return Service(self.name, self._command, self.log, self._env)

    def last_words(self) -> str:
        """The exit code and the last line of the log of a process that has ended."""
        if self.exit_code is not None and self.exit_code < 0:
            return f"it was killed by signal {-self.exit_code} (9 is also what a lack of memory looks like)"
        if shutil.disk_usage(self.log.parent).free < FULL_BYTES:
            # The reason is not in the log, and the first service to end is only the first that needed room.
            return f"exit code {self.exit_code}, and the disk that holds its log is full. Free disk space"
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        said = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return f"exit code {self.exit_code}, last words: {said.strip().rstrip('.')}"


def _stop_with_parent() -> None:
    """Have the kernel send TERM when the parent dies, even by kill -9, so that no process is left behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
