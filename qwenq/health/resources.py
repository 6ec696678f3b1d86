"""Checks of memory, on this machine and on the workers' GPUs, and of disk space."""

from collections.abc import Sequence

from qwenq.schemas.views.fleet import FleetWorker
from qwenq.schemas.views.health import Check, DiskFacts, HealthState, MemoryFacts
from qwenq.wording.numbers import percent, size

LITTLE_MEMORY = 0.1
NO_MEMORY = 0.03
FULL_GPU = 0.99
"""Workers fill a GPU on purpose: the KV cache takes most of its free memory."""
LITTLE_DISK = 2 * 2**30
NO_DISK = 2**28


def check_memory(machine: MemoryFacts, here: Sequence[FleetWorker], fleet: Sequence[FleetWorker]) -> Check:
    """Check that this machine and the GPUs of all workers have memory left."""
    held = sum(worker.resident_bytes or 0 for worker in here)
    found = [f"{size(machine.free)} of {size(machine.total)} free here"]
    if held:
        found.append(f"its workers hold {size(held)}")
    state, advice = HealthState.HEALTHY, []
    if machine.free < LITTLE_MEMORY * machine.total:
        state = HealthState.UNHEALTHY if machine.free < NO_MEMORY * machine.total else HealthState.DEGRADED
        advice.append(
            "End other programs that take memory (`top -o %MEM`), run fewer workers here, or quantize: "
            "`qwenq worker --quantize 8bit`."
        )
    full = [worker for worker in fleet if _gpu_share(worker) > FULL_GPU]
    if full:
        state = max(state, HealthState.DEGRADED, key=tuple(HealthState).index)
        found += [f"the GPU of {worker.name} is {percent(_gpu_share(worker))} taken" for worker in full]
        advice.append(
            "See what else uses it (`nvidia-smi`), or lower QWENQ_BATCH_TOKENS and start the worker again."
        )
    return Check(
        name="memory", state=state, message="; ".join(found), recommendation=" ".join(advice) or None
    )


def check_disk(disks: Sequence[DiskFacts]) -> Check:
    """Check that there is room where the store, the broker and the logs are written."""
    message = "; ".join(f"{size(disk.free)} free at {disk.folder}" for disk in disks)
    least = min((disk.free for disk in disks), default=NO_DISK * 1_000)
    if least >= LITTLE_DISK:
        return Check(name="disk", state=HealthState.HEALTHY, message=message)
    return Check(
        name="disk",
        state=HealthState.UNHEALTHY if least < NO_DISK else HealthState.DEGRADED,
        message=message,
        recommendation="Free disk space there. `qwenq db prune --older-than 30d --yes` makes room within the store.",
    )


def _gpu_share(worker: FleetWorker) -> float:
    return (worker.gpu_bytes or 0) / worker.gpu_total_bytes if worker.gpu_total_bytes else 0.0
