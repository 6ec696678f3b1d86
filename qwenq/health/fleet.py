"""Checks of the workers: whether each model that documents wait for has one, and how fast they are."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import NamedTuple

from qwenq.schemas.views.fleet import LIVE, FleetWorker, WorkerCondition
from qwenq.schemas.views.health import Check, HealthState, WaitingModel, WorkerSpeed
from qwenq.wording.numbers import counted, duration, number
from qwenq.wording.workers import no_worker, worker_command

IDLE_SECONDS = 40.0
"""Workers notice after 30 seconds that they are idle while chunks wait, and heal themselves."""
LOADING_SECONDS = 900.0
"""A model of many gigabytes is downloaded and loaded in this time."""
SLOW_SHARE = 0.5
FEWEST_RECENT = 5
FEWEST_BEFORE = 20


class _Trouble(NamedTuple):
    """One kind of trouble: how bad it is, what was found, and what helps."""

    state: HealthState
    found: Sequence[str]
    advice: str


def check_workers(
    fleet: Sequence[FleetWorker],
    waiting: Sequence[WaitingModel],
    command: Callable[[str], str] = worker_command,
) -> Check:
    """Check that each model that documents wait for has a worker, and that no worker is cut off, deaf, lost or failed.

    Each kind of trouble is told, with its own advice. `command` starts a worker of a model.
    """
    told = (
        _unserved(fleet, waiting, command),
        _cut_off(fleet, waiting),
        _deaf(fleet, waiting),
        _loading(fleet, waiting),
        _failed(fleet),
        _lost(fleet, command),
    )
    troubles = [trouble for trouble in told if trouble is not None]
    if not troubles:
        alive = sum(worker.condition in LIVE for worker in fleet)
        message = f"{number(alive)} alive, and no chunks wait for a missing one"
        return Check(name="workers", state=HealthState.HEALTHY, message=message)
    return Check(
        name="workers",
        state=max((trouble.state for trouble in troubles), key=tuple(HealthState).index),
        message="; ".join(found for trouble in troubles for found in trouble.found),
        recommendation=" ".join(trouble.advice for trouble in troubles),
    )


def _unserved(
    fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel], command: Callable[[str], str]
) -> _Trouble | None:
    """Models that documents wait for, without a live worker."""
    live = {worker.model for worker in fleet if worker.condition in LIVE}
    unserved = [model for model in waiting if model.model not in live]
    if not unserved:
        return None
    found = [f"{no_worker(one.model)} ({counted(one.chunks, 'chunk')} waiting)" for one in unserved]
    commands = _commands((one.model for one in unserved), command)
    return _Trouble(HealthState.UNHEALTHY, found, f"Start one for each such model: {commands}.")


def _cut_off(fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]) -> _Trouble | None:
    """Workers that cannot reach the broker: nothing tells them that documents wait."""
    live = [worker for worker in fleet if worker.condition in LIVE]
    cut_off = [worker for worker in live if worker.broker_error]
    if not cut_off:
        return None
    reached = {worker.model for worker in live if not worker.broker_error}
    waits = {one.model for one in waiting} & {worker.model for worker in cut_off} - reached
    hosts = ", ".join(sorted({worker.host for worker in cut_off}))
    advice = (
        f"If the broker answers from elsewhere, `qwenq check` on {hosts} tries its address and password there: correct "
        "QWENQ_BROKER_URL or the network, and start the worker again. If it answers nowhere, mend the broker: they go "
        "on by themselves."
    )
    found = [f"{one.name} cannot reach the broker: {one.broker_error}" for one in cut_off]
    return _Trouble(HealthState.UNHEALTHY if waits else HealthState.DEGRADED, found, advice)


def _deaf(fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]) -> _Trouble | None:
    """Idle workers that reach the broker, while chunks of their model were announced some time ago."""
    overdue = _announced_for(waiting, IDLE_SECONDS)
    for_others = {worker_id for one in waiting for worker_id in one.for_others}
    deaf = [
        worker
        for worker in fleet
        if worker.condition is WorkerCondition.IDLE
        and worker.model in overdue
        and worker.id not in for_others
        and not worker.broker_error
    ]
    if not deaf:
        return None
    found = [
        f"{one.name} is idle while {counted(overdue[one.model], 'chunk')} of its model wait" for one in deaf
    ]
    advice = "Stop it and start it again, unless it leaves by itself within a minute. Its log says more."
    return _Trouble(HealthState.UNHEALTHY, found, advice)


def _loading(fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]) -> _Trouble | None:
    """Workers that have not loaded their model for long, while chunks wait that no other worker answers."""
    overdue = _announced_for(waiting, LOADING_SECONDS)
    served = {one.model for one in fleet if one.condition in LIVE - {WorkerCondition.STARTING}}
    slow = [
        worker
        for worker in fleet
        if worker.condition is WorkerCondition.STARTING
        and worker.model in overdue.keys() - served
        and not worker.broker_error
    ]
    if not slow:
        return None
    found = [
        f"{one.name} has not loaded its model, while {counted(overdue[one.model], 'chunk')} wait"
        for one in slow
    ]
    advice = "See in its log whether it still downloads the model. If not, stop it and start it again."
    return _Trouble(HealthState.DEGRADED, found, advice)


def _failed(fleet: Sequence[FleetWorker]) -> _Trouble | None:
    failures = _failures(fleet)
    if not failures:
        return None
    return _Trouble(HealthState.DEGRADED, failures, "Fix the reason, and start the worker again.")


def _lost(fleet: Sequence[FleetWorker], command: Callable[[str], str]) -> _Trouble | None:
    lost = _unreplaced(fleet)
    if not lost:
        return None
    found = [f"{one.name} was last seen {duration(one.silent_seconds)} ago" for one in lost]
    live = {worker.model for worker in fleet if worker.condition in LIVE}
    held = "Other workers claim" if live.issuperset(one.model for one in lost) else "Nothing is lost of"
    commands = _commands((worker.model for worker in lost), command)
    advice = (
        f"{held} what they held. Look at their machines, and start them again: {commands}. "
        "They are listed for a day, or until other workers replace them."
    )
    return _Trouble(HealthState.DEGRADED, found, advice)


def _announced_for(waiting: Sequence[WaitingModel], seconds: float) -> dict[str, int]:
    """The models whose chunks were announced longer ago than this and still wait, with the number of chunks."""
    return {one.model: one.chunks for one in waiting if (one.announced_seconds or 0.0) > seconds}


def check_speed(speeds: Sequence[WorkerSpeed]) -> Check:
    """Check that no worker generates much slower than on the last day."""
    slow = []
    for speed in speeds:
        if len(speed.recent) < FEWEST_RECENT or len(speed.before) < FEWEST_BEFORE:
            continue
        recent, before = median(speed.recent), median(speed.before)
        if recent < SLOW_SHARE * before:
            slow.append(f"{speed.worker} makes {number(recent)} tokens/s, its median was {number(before)}")
    if not slow:
        message = "no worker is much slower than its own median of the last day"
        return Check(name="speed", state=HealthState.HEALTHY, message=message)
    advice = (
        "See what else its machine does (`nvidia-smi`, `top`): heat, another process, longer documents. "
        "Longer documents are no fault; otherwise stop the worker and start it again."
    )
    return Check(name="speed", state=HealthState.DEGRADED, message="; ".join(slow), recommendation=advice)


def _failures(fleet: Sequence[FleetWorker]) -> list[str]:
    """Why workers failed: the newest failure of each model and machine, unless such a worker is alive now."""
    live = {(worker.model, worker.host) for worker in fleet if worker.condition in LIVE}
    failures: dict[tuple[str, str], str] = {}
    for worker in fleet:
        kind = worker.model, worker.host
        if worker.condition == WorkerCondition.FAILED and kind not in live:
            failures.setdefault(kind, f"{worker.name} failed: {worker.error}")
    return list(failures.values())


def _unreplaced(fleet: Sequence[FleetWorker]) -> list[FleetWorker]:
    """The lost workers that no later started worker of the same model replaces, one for one."""
    successors = [worker for worker in fleet if worker.condition in LIVE]
    unreplaced = []
    for lost in (worker for worker in fleet if worker.condition == WorkerCondition.LOST):
        found = next(
            (one for one in successors if one.model == lost.model and one.started_at > lost.heartbeat_at),
            None,
        )
        if found is None:
            unreplaced.append(lost)
        else:
            successors.remove(found)
    return unreplaced


def _commands(models: Iterable[str], command: Callable[[str], str]) -> str:
    """The commands that start a worker of each model."""
    return ", ".join(f"`{command(model)}`" for model in sorted(set(models)))
