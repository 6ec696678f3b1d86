"""A child process for steps, as its parent sees it."""

import os
import signal
from contextlib import suppress
from enum import Enum, auto
from multiprocessing.connection import wait

import psutil

from qwenq.schedules.processes.child import STOPPING_SECONDS, take_steps
from qwenq.schemas.log.lines import is_logging
from qwenq.schemas.machine.forks import ASKING, FORKS
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings

NO_CRASH = {0, 255, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
"""Exit codes of a process that was asked to stop. 255 stands for one whose fork server died, which says nothing."""


class End(Enum):
    """How a step ended."""

    DONE = auto()
    """The run is released, or has ended."""
    LEFT = auto()
    """The process stopped, or a service was away: the run may be held still."""
    CRASHED = auto()
    """The process died."""


class StepProcess:
    """A child process that takes one step at a time."""

    def __init__(self) -> None:
        self._line, theirs = FORKS.Pipe()
        self._process = FORKS.Process(target=take_steps, args=(theirs, is_logging()), daemon=True)
        with ASKING:
            self._process.start()
        theirs.close()
        self._ended_by_us = False

    def begin(self, settings: Settings, held: HeldRun) -> None:
        """Begin a step. A process that has died meanwhile shows it in `wait`."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self._line.send((settings, held))

    def wait(self, seconds: float) -> End | None:
        """Wait for the end of the step, for at most this long. None: it goes on."""
        if not wait([self._line, self._process.sentinel], seconds):
            return None
        try:
            if self._line.poll():
                return End.DONE if self._line.recv() else End.LEFT
        except (EOFError, OSError):
            pass
        crashed = self.exit_code() not in NO_CRASH and not self._ended_by_us
        return End.CRASHED if crashed else End.LEFT

    def exit_code(self) -> int:
        """Wait until the process has ended. Returns its exit code, negative for a signal."""
        with ASKING:
            self._process.join()
            return self._process.exitcode or 0

    def processor_seconds(self) -> float:
        """Processor time that the process and its own children have used so far. 0.0 if it has ended."""
        try:
            process = psutil.Process(self._process.pid)
            return sum(sum(one.cpu_times()[:4]) for one in (process, *process.children()))
        except psutil.Error:
            return 0.0

    def is_usable(self) -> bool:
        """Whether the process can take another step."""
        return not self._ended_by_us and self._is_alive()

    def ask_to_stop(self) -> None:
        """Ask the process to remove a half job and to release its run. Its end is no crash."""
        self._ended_by_us = True
        self._signal(signal.SIGTERM)

    def stop(self, seconds: float = STOPPING_SECONDS) -> None:
        """Ask the process to stop, and kill it if it has not after this time. Its end is no crash.

        Does not wait for its end for long: the kernel may keep a process that waits for a dead file system.
        """
        self.ask_to_stop()
        wait([self._process.sentinel], seconds)
        self.kill()

    def kill(self) -> None:
        """End the process at once; its run stays held. Its end is no crash."""
        self._ended_by_us = True
        self._signal(signal.SIGKILL)
        wait([self._process.sentinel], STOPPING_SECONDS)

    def close(self) -> None:
        """End an idle process."""
        self._line.close()

    def _signal(self, number: signal.Signals) -> None:
        with ASKING:
            if self._is_alive() and self._process.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(self._process.pid, number)

    def _is_alive(self) -> bool:
        return not wait([self._process.sentinel], 0)
