"""Checks of the workers: whether each model that documents wait for has one, and how fast they are."""

from collections.abc import Iterable, Sequence
from statistics import median

from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.schemas.views.health import Check, HealthState, WaitingModel, WorkerSpeed
from qwenq.wording.numbers import counted, duration, number
from qwenq.wording.workers import no_worker, worker_command

LIVE = {WorkerCondition.BUSY, WorkerCondition.IDLE, WorkerCondition.STARTING}
IDLE_SECONDS = 40.0
"""Workers notice after 30 seconds that they are idle while chunks wait, and heal themselves."""
SLOW_SHARE = 0.5
FEWEST_RECENT = 5
FEWEST_BEFORE = 20


def check_workers(fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]) -> Check:
    """Check that each model that documents wait for has a worker, and that no worker is deaf, lost or failed."""
    live = {worker.model for worker in fleet if worker.condition in LIVE}
    unserved = [model for model in waiting if model.model not in live]
    if unserved:
        found = [f"{no_worker(one.model)} ({counted(one.chunks, 'chunk')} waiting)" for one in unserved]
        found += _failures(fleet)
        commands = _commands(one.model for one in unserved)
        return _check(HealthState.UNHEALTHY, found, f"Start one for each such model: {commands}.")
    deaf = _idle_while_chunks_wait(fleet, waiting)
    if deaf:
        found = [
            f"{one.name} is idle while {counted(chunks, 'chunk')} of its model wait" for one, chunks in deaf
        ]
        remedy = "Stop it and start it again, unless it leaves by itself within a minute. Its log says more."
        return _check(HealthState.UNHEALTHY, found, remedy)
    failed, lost = _failures(fleet), _unreplaced(fleet)
    if failed or lost:
        found = failed + [f"{one.name} was last seen {duration(one.silent_seconds)} ago" for one in lost]
        advice = ["Fix the reason, and start the worker again."] if failed else []
        advice += [_advice_on_lost(lost)] if lost else []
        return _check(HealthState.DEGRADED, found, " ".join(advice))
    alive = sum(worker.condition in LIVE for worker in fleet)
    return _check(HealthState.HEALTHY, [f"{number(alive)} alive, and no chunks wait for a missing one"], None)


def _idle_while_chunks_wait(
    fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]
) -> list[tuple[FleetWorker, int]]:
    """Idle workers whose model has chunks that were announced some time ago, each with the number of chunks."""
    overdue = {one.model: one.chunks for one in waiting if (one.announced_seconds or 0.0) > IDLE_SECONDS}
    idle = (worker for worker in fleet if worker.condition is WorkerCondition.IDLE)
    return [(worker, overdue[worker.model]) for worker in idle if worker.model in overdue]


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


def _advice_on_lost(lost: Sequence[FleetWorker]) -> str:
    commands = _commands(worker.model for worker in lost)
    return (
        f"Other workers claim what they held. Look at their machines, and start them again: {commands}. "
        "They are listed for a day, or until other workers replace them."
    )


def _commands(models: Iterable[str]) -> str:
    """The commands that start a worker of each model."""
    return ", ".join(f"`{worker_command(model)}`" for model in sorted(set(models)))


def _check(state: HealthState, found: Sequence[str], advice: str | None) -> Check:
    return Check(name="workers", state=state, message="; ".join(found), recommendation=advice)
