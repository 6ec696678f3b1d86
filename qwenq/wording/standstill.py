"""Why a job does not move, in a sentence with what to do about it."""

from collections.abc import Callable, Sequence

from qwenq.schemas.jobs import JobStatus
from qwenq.schemas.views.fleet import LIVE, FleetWorker, WorkerCondition
from qwenq.wording.numbers import duration
from qwenq.wording.workers import start_a_worker, worker_command

_LOG = "the worker's log says more, and `qwenq health` what else is wrong"


def standstill(
    job: JobStatus,
    fleet: Sequence[FleetWorker],
    broker_trouble: str | None = None,
    command: Callable[[str], str] = worker_command,
) -> str:
    """Say for how long a job has not moved, and why. `broker_trouble` says what is wrong with the broker, if so.

    `command` starts a worker of a model.
    """
    since = duration(job.still_seconds)
    return f"It has not moved for {since}: {_reason(job, fleet, broker_trouble, command)}"


def _reason(
    job: JobStatus,
    fleet: Sequence[FleetWorker],
    broker_trouble: str | None,
    command: Callable[[str], str],
) -> str:
    holders = [worker for worker in fleet if any(chunk.job_id == job.id for chunk in worker.held)]
    if holders:
        return _of_holders(holders)
    live = [worker for worker in fleet if worker.model == job.model and worker.condition in LIVE]
    if not live:
        return f"{start_a_worker(job.model, command)}."
    return broker_trouble or _of_live(live)


def _of_live(live: Sequence[FleetWorker]) -> str:
    """Why live workers of its model do not take its chunks."""
    reached = [worker for worker in live if not worker.broker_error]
    if not reached:
        return (
            f"{live[0].name} cannot reach the broker: {live[0].broker_error}. `qwenq health` says what to do."
        )
    others = sorted({chunk.job_id for worker in reached for chunk in worker.held})
    if others and all(worker.held for worker in reached):
        return f"all workers of its model answer job {', '.join(map(str, others))} first."
    idle = [worker for worker in reached if worker.condition is WorkerCondition.IDLE]
    if idle:
        return f"{idle[0].name} is idle, and did not get its chunks; {_LOG}."
    loading = [worker for worker in reached if worker.condition is WorkerCondition.STARTING]
    return f"{(loading or reached)[0].name} has not loaded its model yet; {_LOG}."


def _of_holders(holders: Sequence[FleetWorker]) -> str:
    lost = [worker for worker in holders if worker.condition is WorkerCondition.LOST]
    if len(lost) == len(holders):
        silence = duration(lost[0].silent_seconds)
        return (
            f"{lost[0].name}, which holds its chunks, was last seen {silence} ago. Another worker gets them when its "
            "lease has expired; `qwenq status` puts them back too."
        )
    working = next(worker for worker in holders if worker.condition is not WorkerCondition.LOST)
    return f"{working.name} holds its chunks and has reported nothing since; {_LOG}."
