"""Takes steps of runs in child processes, which are reused until one dies or is slow."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qwenq.schedules.advancing import PAUSE_SECONDS, close_slow
from qwenq.schedules.processes.child import STOPPING_SECONDS
from qwenq.schedules.processes.lanes import LANES, Lanes
from qwenq.schedules.processes.step_process import End, StepProcess
from qwenq.schemas.errors import StoreAway
from qwenq.schemas.log.events import Event
from qwenq.schemas.schedules import HeldRun
from qwenq.schemas.settings import Settings
from qwenq.store.broker.broker import Broker
from qwenq.store.database.store import Store
from qwenq.store.schedules.runs import hold_run, release_run, renew_run
from qwenq.worker.patience import patiently

IDLE_SECONDS = 20.0
"""How long a process without a step is kept."""
MOST_STEPS = 200
"""A process that has taken so many steps is replaced, with whatever memory they left."""
PERSONS_PATIENCE_SECONDS = 10.0
"""How long a person waits for a store that is away."""
BEATS_A_LEASE = 4
LOOK_SECONDS = 0.1
"""Between two looks at a step in the quick lane."""
WAIT_SECONDS = 0.8
"""A step that waits for so long without using the processor is slow."""
LONG_WAIT_SECONDS = 1.2
"""So long it may wait while the next lane is full. Then its process ends, and the run waits for a place."""

_log = logging.getLogger("qwenq.schedules")


class RunProcesses:
    """Advances runs in child processes. One object serves all threads of beat."""

    def __init__(self) -> None:
        self._lanes = Lanes()
        self._starting = threading.Lock()
        self._pool = _Pool()
        self._watchers: set[threading.Thread] = set()

    def advance(self, store: Store, _broker: Broker, settings: Settings) -> int:
        """Start a step of each run that can advance. Returns how many; does not wait for slow ones.

        Does nothing while another thread starts steps.
        """
        if not self._starting.acquire(blocking=False):
            return 0
        try:
            steps = 0
            for lane in range(len(LANES)):
                while self._start_step(store, settings, lane):
                    steps += 1
            self._pool.end_idle()
            return steps
        finally:
            self._starting.release()

    def wait(self) -> None:
        """Wait until all steps have ended."""
        for watcher in tuple(self._watchers):
            watcher.join()

    def stop(self) -> None:
        """Ask all steps to stop and release their runs; kill those that do not."""
        self._pool.stop()

    def _start_step(self, store: Store, settings: Settings, lane: int) -> bool:
        """Start a step in a lane. Returns False if no run can advance there, or a slow lane is full."""
        chosen = self._lanes.slow_schedules(lane) if lane else None
        if chosen is not None and not chosen:
            return False
        if not self._lanes.enter(lane, waits=lane == 0):
            return False
        held = None
        try:
            others = () if lane else self._lanes.slow_schedules()
            with store.writing() as connection:
                held = hold_run(connection, settings.lease_seconds, among=chosen, without=others)
        finally:
            if held is None:
                self._lanes.leave(lane)
        if held is None:
            return False
        watcher = threading.Thread(
            target=self._watch, args=(settings, held, lane), name=f"run {held.run.id}", daemon=True
        )
        self._watchers.add(watcher)
        watcher.start()
        return True

    def _watch(self, settings: Settings, held: HeldRun, lane: int) -> None:
        """See a step through to its end."""
        place = _Place(self._lanes, lane, held)
        try:
            with self._pool.process() as process:
                see_through(settings, held, process, place)
        except Exception:  # noqa: BLE001 - the next hold of the run tries again
            _log.exception(Event.DUTY_FAILED, extra={"run": held.run.id})
        finally:
            self._watchers.discard(threading.current_thread())
            place.leave()


def step_here(settings: Settings, held: HeldRun) -> None:
    """Take one step for a person, with the same limits, and wait for its end. Raises StoreAway, KeyboardInterrupt."""
    patience = min(settings.patience_seconds, PERSONS_PATIENCE_SECONDS)
    settings = settings.model_copy(update={"patience_seconds": patience, "log_level": "warning"})
    pool = _Pool()
    try:
        with pool.process() as process:
            see_through(settings, held, process)
    finally:
        pool.stop()


class _Place:
    """The place of a step in a lane. It moves to slower lanes as time goes by."""

    def __init__(self, lanes: Lanes, lane: int, held: HeldRun) -> None:
        self._lanes = lanes
        self._lane = lane
        self._schedule_id = held.schedule.id
        self._left = False

    def begin(self, process: StepProcess) -> None:
        """Measure the step from now on."""
        self._process = process
        self._began = self._worked = time.monotonic()
        self._used_before = self._used = process.processor_seconds()

    def seconds_to_look(self) -> float:
        """Seconds until `move_on` is to be called."""
        if not self._lane:
            return LOOK_SECONDS
        return max(LOOK_SECONDS, LANES[self._lane].seconds - (time.monotonic() - self._began))

    def move_on(self) -> bool:
        """Move to the next lane when the time in this one is up. Returns False if the step has to wait outside."""
        if self._lane:
            may_stay = time.monotonic() - self._began < LANES[self._lane].seconds
            waited = LONG_WAIT_SECONDS
        else:
            waited = self._waited()
            may_stay = waited < WAIT_SECONDS and self._used - self._used_before < LANES[0].seconds
        if may_stay:
            return True
        if self._lanes.move_on(self._lane, self._schedule_id):
            self._lane += 1
            return True
        return waited < LONG_WAIT_SECONDS and self._used - self._used_before < LANES[0].seconds

    def note_end(self, *, given_up: bool) -> None:
        """Note that the step has ended, by itself or because it took too long."""
        seconds = None if given_up else time.monotonic() - self._began
        self._lanes.note_end(self._schedule_id, self._lane, seconds)

    def leave(self) -> None:
        """Give the place back, unless this was done before."""
        if not self._left:
            self._left = True
            self._lanes.leave(self._lane)

    def _waited(self) -> float:
        """For how long the step has used no processor time: it waits for its input, or hangs."""
        used, now = self._process.processor_seconds(), time.monotonic()
        if used != self._used:
            self._used, self._worked = used, now
        return now - self._worked


class _Pool:
    """The processes, and which of them are idle."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._idle: list[tuple[StepProcess, int, float]] = []
        self._busy: set[StepProcess] = set()

    @contextmanager
    def process(self) -> Iterator[StepProcess]:
        """A process for a step: an idle one or a new one. It is kept if it still lives afterwards."""
        process, steps = self._take()
        self._busy.add(process)
        try:
            yield process
        except BaseException:
            process.stop()
            raise
        finally:
            self._busy.discard(process)
        if process.is_usable() and steps < MOST_STEPS:
            with self._changing:
                self._idle.append((process, steps, time.monotonic()))
        else:
            process.close()

    def end_idle(self, seconds: float = IDLE_SECONDS) -> None:
        """End the processes that have been idle for this long."""
        with self._changing:
            old = [one for one in self._idle if time.monotonic() - one[2] >= seconds]
            self._idle = [one for one in self._idle if one not in old]
        for process, _, _ in old:
            process.close()

    def stop(self) -> None:
        """Stop the busy processes, and end the others."""
        self.end_idle(0)
        running = tuple(self._busy)
        for process in running:
            process.ask_to_stop()
        ends = time.monotonic() + STOPPING_SECONDS
        for process in running:
            process.stop(max(0.0, ends - time.monotonic()))

    def _take(self) -> tuple[StepProcess, int]:
        while True:
            with self._changing:
                if not self._idle:
                    break
                process, steps, _ = self._idle.pop()
            if process.is_usable():
                return process, steps + 1
            process.close()
        return StepProcess(), 1


def see_through(settings: Settings, held: HeldRun, process: StepProcess, place: _Place | None = None) -> None:
    """Begin a step and renew the run's lease until it has ended. Records it when its process died or was too slow."""
    ends = time.monotonic() + settings.schedule_seconds
    process.begin(settings, held)
    if place is not None:
        place.begin(process)
    end = _wait_for_end(settings, held, process, ends, place)
    too_slow = end is None and time.monotonic() >= ends
    if end is None:
        if place is not None:
            place.leave()
        if too_slow:
            process.kill()
        else:
            # A polite stop removes the half job, which the next step would have to wait for.
            process.stop()
    if too_slow:
        _record(settings, lambda store: close_slow(store, settings, held))
    elif end is not End.DONE:
        _record(settings, lambda store: _let_go(store, held, crashed=end is End.CRASHED))
    if place is not None and (too_slow or end is End.DONE):
        place.note_end(given_up=too_slow)


def _wait_for_end(
    settings: Settings, held: HeldRun, process: StepProcess, ends: float, place: _Place | None
) -> End | None:
    """Renew the lease until the step has ended. None: it must stop.

    It must when its time is up, when its lane's is and the next lane is full, and when another process holds the run.
    """
    between = settings.lease_seconds / BEATS_A_LEASE
    renewal = time.monotonic() + between
    while (end := process.wait(_next_look(min(renewal, ends), place))) is None:
        if time.monotonic() >= ends or (place is not None and not place.move_on()):
            return None
        if time.monotonic() >= renewal:
            renewal = time.monotonic() + between
            if not _is_renewed(settings, held):
                return None
    return end


def _next_look(moment: float, place: _Place | None) -> float:
    """Seconds until a moment, or until the step must leave its lane."""
    left = moment - time.monotonic()
    return max(0.0, left if place is None else min(left, place.seconds_to_look()))


def _record(settings: Settings, record: Callable[[Store], None]) -> None:
    """Write how a step ended, even if the store is away for a while."""
    with Store.of(settings) as store:
        for attempt in patiently(settings.patience_seconds):
            with attempt:
                record(store)


def _let_go(store: Store, held: HeldRun, *, crashed: bool) -> None:
    """Release the run if its process did not."""
    with store.writing() as connection:
        released = release_run(connection, held, PAUSE_SECONDS, crashed=crashed)
    if released and crashed:
        _log.error(Event.RUN_CRASHED, extra={"run": held.run.id})


def _is_renewed(settings: Settings, held: HeldRun) -> bool:
    try:
        with Store.of(settings) as store, store.fleeting() as connection:
            return renew_run(connection, held, settings.lease_seconds)
    except StoreAway:
        return True
