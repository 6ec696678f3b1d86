"""Processes for runs: each step of a run has one, so that neither slow nor hostile inputs stop beat or another run.

A step that takes long does not keep others from starting. One that takes too long, or whose run was removed, is killed.
"""

import logging
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait

from qwenq.producer.signals import Signals
from qwenq.schedules.advancing import PAUSE_SECONDS, close_slow, take_step
from qwenq.schemas.errors import ServiceAway, StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.log.lines import set_up_logging
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import hold_run, release_run, renew_run
from qwenq.worker.patience import patiently

PLACES = 4
"""How many steps may be new at once. Each is a process, and most take less than a second."""
SLOW_SECONDS = 3.0
"""A step that takes longer gives its place to another. So slow inputs, however many, hold nobody up for long."""
STOPPING_SECONDS = 5.0
BEATS_A_LEASE = 4

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__, "qwenq.schedules.preflight"])
"""Starts processes quickly: from a server that has imported what they need, and holds nothing else."""

_log = logging.getLogger("qwenq.schedules")


class RunProcesses:
    """Advances runs in child processes. One object serves all threads of beat."""

    def __init__(self) -> None:
        self._places = threading.BoundedSemaphore(PLACES)
        self._starting = threading.Lock()
        self._running: set[_StepProcess] = set()
        self._watchers: set[threading.Thread] = set()

    def advance(self, store: Store, _broker: Broker, settings: Settings) -> int:
        """Start a step of each run that can advance. Returns how many; does not wait for slow ones.

        Does nothing while another thread starts steps.
        """
        if not self._starting.acquire(blocking=False):
            return 0
        try:
            steps = 0
            while (held := self._hold_next(store, settings)) is not None:
                watcher = threading.Thread(
                    target=self._watch, args=(settings, held), name=f"run {held.run.id}", daemon=True
                )
                self._watchers.add(watcher)
                watcher.start()
                steps += 1
            return steps
        finally:
            self._starting.release()

    def wait(self) -> None:
        """Wait until all steps have ended."""
        for watcher in tuple(self._watchers):
            watcher.join()

    def stop(self) -> None:
        """Ask all steps to stop and release their runs; kill those that do not."""
        running = tuple(self._running)
        for process in running:
            process.stop()
        ends = time.monotonic() + STOPPING_SECONDS
        for process in running:
            process.wait(max(0.0, ends - time.monotonic()))
            process.kill()

    def _hold_next(self, store: Store, settings: Settings) -> HeldRun | None:
        """Wait for a place, and hold the next run. None: no run can advance."""
        self._places.acquire()
        held = None
        try:
            with store.writing() as connection:
                held = hold_run(connection, settings.lease_seconds)
        finally:
            if held is None:
                self._places.release()
        return held

    def _watch(self, settings: Settings, held: HeldRun) -> None:
        """See a step through to its end. Gives its place back when it has ended, or is slow."""
        place = _Place(self._places)
        process = _StepProcess(settings, held)
        try:
            process.start()
            self._running.add(process)
            _see_through(settings, held, process, place)
        except Exception:  # noqa: BLE001 - the next hold of the run tries again
            _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
        finally:
            self._running.discard(process)
            self._watchers.discard(threading.current_thread())
            place.leave()


class _Place:
    """A place for a new step."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self._left = False

    def leave(self) -> None:
        """Give the place to another step, unless this was done before."""
        if not self._left:
            self._left = True
            self._places.release()


class _StepProcess:
    """The child process of a step.

    multiprocessing takes an exit code from a pipe, once, whoever asks for it first; so threads ask one at a time.
    """

    _asking = threading.Lock()

    def __init__(self, settings: Settings, held: HeldRun) -> None:
        self._process = FORKS.Process(target=_take_step, args=(settings, held), daemon=True)

    def start(self) -> None:
        """Start the process."""
        with self._asking:
            self._process.start()

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended, for at most this long. Returns whether it has."""
        return bool(wait([self._process.sentinel], seconds))

    def exit_code(self) -> int:
        """The exit code of a process that has ended."""
        with self._asking:
            self._process.join()
            return self._process.exitcode or 0

    def stop(self) -> None:
        """Ask the process to stop."""
        with self._asking:
            self._process.terminate()

    def kill(self) -> None:
        """End the process at once."""
        with self._asking:
            self._process.kill()


def _see_through(settings: Settings, held: HeldRun, process: _StepProcess, place: _Place) -> None:
    """Renew the run's lease until its process has ended, and record it when that died or was too slow."""
    lease = settings.lease_seconds
    began = time.monotonic()
    ends = began + settings.schedule_seconds
    with Store.of(settings) as store:
        too_slow = False
        while not process.wait(min(lease / BEATS_A_LEASE, SLOW_SECONDS, max(0.0, ends - time.monotonic()))):
            if time.monotonic() - began >= SLOW_SECONDS:
                place.leave()
            too_slow = time.monotonic() >= ends
            if too_slow or not _is_renewed(store, held, lease):
                process.kill()
                break
        code = process.exit_code()
        # A store that is away must not make a crash of this.
        for attempt in patiently(settings.patience_seconds):
            with attempt:
                if too_slow:
                    close_slow(store, settings, held)
                else:
                    _let_go(store, held, code)


def _let_go(store: Store, held: HeldRun, exit_code: int) -> None:
    """Release the run if its process did not."""
    with store.writing() as connection:
        released = release_run(connection, held, PAUSE_SECONDS, crashed=exit_code != 0)
    if released and exit_code:
        _log.error(Event.RUN_CRASHED, extra={"run": held.run.id, "exit_code": exit_code})


def _is_renewed(store: Store, held: HeldRun, lease: float) -> bool:
    try:
        with store.fleeting() as connection:
            return renew_run(connection, held, lease)
    except StoreAway:
        return True


def _take_step(settings: Settings, held: HeldRun) -> None:
    """Take the step, in the child process. An error that has no other place ends it with an exit code."""
    Signals().install_for_process()
    set_up_logging(settings.log_format, settings.log_level)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with Store.of(settings) as store, Broker(settings) as broker:
            take_step(store, broker, settings, held)
    except ServiceAway as away:
        _log.warning(Event.STORE_AWAY, extra={"reason": str(away)})
    except KeyboardInterrupt:
        return


def _end_with_parent() -> None:
    """End this process when beat has died, even if the step hangs: nobody renews its lease."""
    if (parent := multiprocessing.parent_process()) is not None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOPPING_SECONDS)
        os._exit(1)
