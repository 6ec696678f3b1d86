"""Workers under a supervisor, which restarts those that end, as systemd or Kubernetes would."""

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from qwenq.embedded.service import Service
from qwenq.embedded.session import environment_of
from qwenq.schemas.settings import Settings
from tests.processes import ONE_THREAD, working_process
from tests.waiting import eventually

LOOK_EVERY_SECONDS = 0.05
RESTART_SECONDS = 0.5
STOP_SECONDS = 20.0


class Crew:
    """One worker for each of the settings, restarted until `stop`."""

    def __init__(self, settings: Sequence[Settings], logs: Path, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._logs = logs
        self._env = env
        self._places: list[Service] = []
        self._retired: set[int] = set()
        self._ended = threading.Event()
        # The kernel ends a service when the thread that started it ends: so one long-lived thread starts them all.
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._complete = threading.Event()
        self.started: list[Service] = []

    def start(self) -> None:
        """Start all workers."""
        self._thread.start()
        self._complete.wait()

    def worker(self, place: int) -> Service:
        """The worker that runs at this place now."""
        return self._places[place]

    def working_process(self, place: int) -> psutil.Process | None:
        """The worker's working process; None before it starts."""
        return working_process(self.worker(place))

    def kill(self, place: int) -> Sequence[int]:
        """Kill a worker with all its processes. Returns their ids."""
        worker, child = self.worker(place), self.working_process(place)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        return [worker.pid, *([child.pid] if child else [])]

    def retire(self, place: int) -> Sequence[int]:
        """Kill a worker with all its processes, and do not restart it. Returns their ids."""
        self._retired.add(place)
        return self.kill(place)

    def stop(self) -> list[str]:
        """Stop all workers politely. Returns the processes that did not end by themselves; they are killed."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        return [told for service in self.started for told in _remains(service)]

    def _supervise(self) -> None:
        self._places = [self._start(place) for place in range(len(self._settings))]
        self._complete.set()
        start_at = [0.0] * len(self._places)
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            for place, service in enumerate(self._places):
                if service.exit_code is None:
                    start_at[place] = time.monotonic() + RESTART_SECONDS
                elif time.monotonic() >= start_at[place] and place not in self._retired:
                    self._places[place] = self._start(place)
        for service in self._places:
            service.ask_to_stop()
        for service in self._places:
            _wait(service)

    def _start(self, place: int) -> Service:
        settings = self._settings[place]
        name = f"worker-{place}-{len(self.started)}"
        environment = {**ONE_THREAD, **environment_of(settings), **self._env}
        service = Service.of_qwenq(name, ["worker"], self._logs / f"{name}.log", environment)
        self.started.append(service)
        return service


def _wait(service: Service) -> None:
    """Wait for a worker to stop, and kill it past its time."""
    with suppress(AssertionError):
        eventually(lambda: service.exit_code is not None, "the worker stops", STOP_SECONDS)


def _remains(service: Service) -> list[str]:
    """Kill the processes of a worker's session that did not end, orphans included. Returns their descriptions."""
    with suppress(AssertionError):
        eventually(lambda: not _session(service), "its orphans end", STOP_SECONDS)
    left = [
        f"{process.pid} of {service.name}: {' '.join(process.cmdline())}" for process in _session(service)
    ]
    service.kill()
    return left


def _session(service: Service) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == service.pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
