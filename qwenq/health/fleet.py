"""Checks of the workers: whether each model that is waited for has one, and how fast they are."""

from collections.abc import Iterable, Sequence
from statistics import median

from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.schemas.views.health import Check, HealthState, WaitingModel, WorkerSpeed
from qwenq.wording.workers import no_worker, worker_command

LIVE = {WorkerCondition.BUSY, WorkerCondition.IDLE, WorkerCondition.STARTING}
SLOW_SHARE = 0.5
FEWEST_RECENT = 5
FEWEST_BEFORE = 20


def check_workers(fleet: Sequence[FleetWorker], waiting: Sequence[WaitingModel]) -> Check:
    """Whether each model that documents wait for has a worker; which workers are lost, or failed."""
    live = {worker.model for worker in fleet if worker.condition in LIVE}
    unserved = [model for model in waiting if model.model not in live]
    if unserved:
        told = [f"{no_worker(one.model)}, and {one.chunks:,} chunks wait for it" for one in unserved]
        told += _failures(fleet)
        commands = _commands(one.model for one in unserved)
        return _check(HealthState.UNHEALTHY, told, f"Start one for each such model: {commands}.")
    failed, lost = _failures(fleet), _unreplaced(fleet)
    if failed or lost:
        told = failed + [
            f"{one.name} gave its last sign of life {one.silent_seconds:,.0f} s ago" for one in lost
        ]
        advice = ["Mend what the reason names, and start the worker again."] if failed else []
        advice += [_advice_on_lost(lost)] if lost else []
        return _check(HealthState.DEGRADED, told, " ".join(advice))
    counted = sum(worker.condition in LIVE for worker in fleet)
    return _check(HealthState.HEALTHY, [f"{counted:,} alive, and nothing waits for want of one"], None)


def check_speed(speeds: Sequence[WorkerSpeed]) -> Check:
    """Whether a worker generates much slower than it did in the day before."""
    slow = []
    for speed in speeds:
        if len(speed.recent) < FEWEST_RECENT or len(speed.before) < FEWEST_BEFORE:
            continue
        recent, before = median(speed.recent), median(speed.before)
        if recent < SLOW_SHARE * before:
            slow.append(f"{speed.worker} makes {recent:,.0f} tokens/s, its median was {before:,.0f}")
    if not slow:
        message = "no worker is much slower than its own median of the last day"
        return Check(name="speed", state=HealthState.HEALTHY, message=message)
    advice = (
        "See what else its machine does (`nvidia-smi`, `top`): heat, another process, longer documents. "
        "Longer documents need nothing; else stop the worker and start it again."
    )
    return Check(name="speed", state=HealthState.DEGRADED, message="; ".join(slow), recommendation=advice)


def _failures(fleet: Sequence[FleetWorker]) -> list[str]:
    """Why workers failed, of each model and machine the newest, unless one of its kind lives by now."""
    live = {(worker.model, worker.host) for worker in fleet if worker.condition in LIVE}
    told: dict[tuple[str, str], str] = {}
    for worker in fleet:
        kind = worker.model, worker.host
        if worker.condition == WorkerCondition.FAILED and kind not in live:
            told.setdefault(kind, f"{worker.name} failed: {worker.error}")
    return list(told.values())


def _unreplaced(fleet: Sequence[FleetWorker]) -> list[FleetWorker]:
    """The lost workers, without those in whose place one of their model was started since: one for one."""
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
        f"What they held is taken up by others. Look at their machines, and start them again: {commands}. "
        "They are told of for a day, or until others take their places."
    )


def _commands(models: Iterable[str]) -> str:
    """What starts a worker of each."""
    return ", ".join(f"`{worker_command(model)}`" for model in sorted(set(models)))


def _check(state: HealthState, told: Sequence[str], advice: str | None) -> Check:
    return Check(name="workers", state=state, message="; ".join(told), recommendation=advice)
