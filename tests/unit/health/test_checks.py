"""Each check of `qwenq health`: which facts are good, which are bad, and what it recommends."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from qwenq.health.fleet import check_speed, check_workers
from qwenq.health.resources import check_disk, check_memory
from qwenq.health.services import (
    check_broker,
    check_broker_away,
    check_schema,
    check_store,
    check_store_away,
    not_made,
)
from qwenq.health.work import check_schedules, check_stranded
from qwenq.schemas.errors import BrokerAway, InvalidSetting, StoreAway
from qwenq.schemas.states import WorkerState
from qwenq.schemas.views.fleet import FleetWorker, WorkerCondition
from qwenq.schemas.views.health import (
    BrokerFacts,
    Check,
    DiskFacts,
    Health,
    HealthState,
    MemoryFacts,
    ScheduleTrouble,
    StrandedWork,
    WaitingModel,
    WorkerSpeed,
)
from qwenq.wording.workers import up_command

GIB = 2**30
MOMENT, LATER = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
HEALTHY, DEGRADED, UNHEALTHY = HealthState.HEALTHY, HealthState.DEGRADED, HealthState.UNHEALTHY


def worker(condition: WorkerCondition = WorkerCondition.IDLE, **facts: object) -> FleetWorker:
    known: dict[str, object] = {
        "id": 1, "name": "w@here", "host": "here", "pid": 7, "model": "m", "state": WorkerState.READY,
        "condition": condition, "device": "cuda", "dtype": "bfloat16", "context": 1, "parameters": 1,
        "revision": None, "loads": 1, "load_seconds": 1.0, "check_tokens_per_second": 1.0, "error": None,
        "started_at": MOMENT, "heartbeat_at": MOMENT, "silent_seconds": 1.0, "resident_bytes": GIB,
        "gpu_bytes": None, "gpu_total_bytes": None,
    }  # fmt: skip
    return FleetWorker(**known | facts)  # type: ignore[arg-type]


def checks() -> Sequence[tuple[str, Check, HealthState, str]]:
    """A name, the check, its expected state, and a part of its recommendation."""
    failed = worker(WorkerCondition.FAILED, error="no weights")
    lost = worker(WorkerCondition.LOST, silent_seconds=90.0)
    waits = [WaitingModel("m", 3, 60.0)]
    busy = worker(WorkerCondition.BUSY)
    overdue = [WaitingModel("m", 3, 60.0, announced_seconds=50.0)]
    for_others = [WaitingModel("m", 3, 60.0, announced_seconds=50.0, for_others=(2,))]
    cut_off = worker(WorkerCondition.STARTING, broker_error="refused")
    loads, for_long = worker(WorkerCondition.STARTING), [WaitingModel("m", 3, 999.0, announced_seconds=999.0)]
    away = StoreAway("sqlite:///x", "the disk is full", "Free disk space")
    steady, slower = [100.0] * 50, [40.0] * 10
    return [
        ("a store that answers", check_store("u", 0.01), HEALTHY, ""),
        ("a slow store", check_store("u", 0.8), DEGRADED, "pg_stat_activity"),
        ("a store that is away", check_store_away(away), UNHEALTHY, "Free disk space."),
        ("a store with an invalid URL", check_store_away(InvalidSetting("Q", "no URL")), UNHEALTHY, "qwenq check"),
        ("the right schema", check_schema("0005", "0005"), HEALTHY, ""),
        ("no schema", check_schema(None, "0005"), UNHEALTHY, "qwenq db upgrade"),
        ("an old schema", check_schema("0004", "0005"), UNHEALTHY, "qwenq db upgrade"),
        ("a newer schema", check_schema("0006", "0005"), UNHEALTHY, "Install"),
        ("a broker", check_broker(BrokerFacts("u", 0.01, GIB, None)), HEALTHY, ""),
        ("a broker nearly full", check_broker(BrokerFacts("u", 0.01, 95, 100)), DEGRADED, "maxmemory"),
        ("a broker with room", check_broker(BrokerFacts("u", 0.01, 50, 100)), HEALTHY, ""),
        ("a slow broker", check_broker(BrokerFacts("u", 0.9, 1, None)), DEGRADED, "SLOWLOG"),
        ("a broker that is away", check_broker_away(BrokerAway("u", "refused")), UNHEALTHY, "qwenq up"),
        ("no work and no worker", check_workers([], []), HEALTHY, ""),
        ("work and a worker", check_workers([worker()], waits), HEALTHY, ""),
        ("work and an idle worker", check_workers([worker()], overdue), UNHEALTHY, "Stop it and start it again"),
        ("work for others and an idle worker", check_workers([busy, worker(id=2)], for_others), HEALTHY, ""),
        ("work and a busy worker", check_workers([busy], overdue), HEALTHY, ""),
        ("work and another model's idle worker", check_workers([busy, worker(model="n")], overdue), HEALTHY, ""),
        ("work and a worker that is loading", check_workers([worker(WorkerCondition.STARTING)], waits), HEALTHY, ""),
        ("work for another model", check_workers([worker(model="n")], waits), UNHEALTHY, "qwenq worker --model m"),
        ("a model name with spaces", check_workers([], [WaitingModel("a b", 1, 6.0)]), UNHEALTHY, "--model 'a b'"),
        ("work and a lost worker", check_workers([lost], waits), UNHEALTHY, "qwenq worker --model m"),
        ("work and a failed worker", check_workers([failed], waits), UNHEALTHY, "qwenq worker --model m"),
        ("a failed worker", check_workers([failed], []), DEGRADED, "start the worker again"),
        ("a failed worker that was replaced", check_workers([worker(), failed], waits), HEALTHY, ""),
        ("a lost worker beside a live one", check_workers([worker(), lost], waits), DEGRADED, "qwenq worker"),
        ("a lost worker that was replaced", check_workers([worker(started_at=LATER), lost], waits), HEALTHY, ""),
        ("two lost workers and one replacement", check_workers([worker(started_at=LATER), lost, lost], []),
         DEGRADED, "qwenq worker"),
        ("a worker without a broker", check_workers([cut_off], []), DEGRADED, "`qwenq check` on here"),
        ("work and a worker without a broker", check_workers([cut_off], overdue), UNHEALTHY, "QWENQ_BROKER_URL"),
        ("work and another worker with a broker", check_workers([cut_off, busy], overdue), DEGRADED, "network"),
        ("work and a worker that loads for long", check_workers([loads], for_long), DEGRADED, "still downloads"),
        ("work and a worker that loads beside another", check_workers([loads, busy], for_long), HEALTHY, ""),
        ("a broker whose disk is full", check_broker_away(BrokerAway("u", "MISCONF", "Free disk space")), UNHEALTHY,
         "Free disk space."),
        ("nothing stranded", check_stranded(StrandedWork()), HEALTHY, ""),
        ("a lease that ran out just now", check_stranded(StrandedWork(1, 3.0)), HEALTHY, ""),
        ("a lease that ran out long ago", check_stranded(StrandedWork(1, 60.0)), DEGRADED, "qwenq status"),
        ("chunks just stored", check_stranded(StrandedWork(unannounced=2, longest_unannounced=5)), HEALTHY, ""),
        ("unannounced", check_stranded(StrandedWork(unannounced=2, longest_unannounced=99)), DEGRADED, "status"),
        ("nothing scheduled", check_schedules(ScheduleTrouble()), HEALTHY, ""),
        ("a schedule that is due just now", check_schedules(ScheduleTrouble(1, 9.0)), HEALTHY, ""),
        ("an overdue schedule", check_schedules(ScheduleTrouble(1, 90.0)), UNHEALTHY, "qwenq beat"),
        ("a run that failed", check_schedules(ScheduleTrouble(failed=["a"])), DEGRADED, "qwenq schedule show a"),
        ("a notice that was given up", check_schedules(ScheduleTrouble(given_up=1)), DEGRADED, "schedule show"),
        ("half jobs", check_stranded(StrandedWork(half_jobs=[4, 9])), DEGRADED, "qwenq db prune --yes"),
        ("a steady worker", check_speed([WorkerSpeed("w", steady[:9], steady)]), HEALTHY, ""),
        ("a slower worker", check_speed([WorkerSpeed("w", slower, steady)]), DEGRADED, "nvidia-smi"),
        ("a worker with few batches", check_speed([WorkerSpeed("w", slower[:4], steady)]), HEALTHY, ""),
        ("a worker without an earlier median", check_speed([WorkerSpeed("w", slower, steady[:9])]), HEALTHY, ""),
        ("memory enough", check_memory(MemoryFacts(8 * GIB, 16 * GIB), [worker()], []), HEALTHY, ""),
        ("little memory", check_memory(MemoryFacts(GIB, 16 * GIB), [worker()], []), DEGRADED, "fewer workers"),
        ("no memory", check_memory(MemoryFacts(GIB // 9, 16 * GIB), [], []), UNHEALTHY, "fewer workers"),
        ("a full GPU", check_memory(MemoryFacts(GIB, GIB), [], [worker(gpu_bytes=999, gpu_total_bytes=1_000)]),
         DEGRADED, "nvidia-smi"),
        ("a GPU in normal use", check_memory(MemoryFacts(GIB, GIB), [], [worker(gpu_bytes=95, gpu_total_bytes=100)]),
         HEALTHY, ""),
        ("disk enough", check_disk([DiskFacts("/a", 50 * GIB)]), HEALTHY, ""),
        ("little disk", check_disk([DiskFacts("/a", 50 * GIB), DiskFacts("/b", GIB)]), DEGRADED, "db prune"),
        ("no disk", check_disk([DiskFacts("/a", 2**20)]), UNHEALTHY, "db prune"),
    ]  # fmt: skip


@pytest.mark.parametrize(("check", "state", "part"), [pytest.param(*one[1:], id=one[0]) for one in checks()])
def test_every_check_finds_its_trouble_and_says_what_to_do(
    check: Check, state: HealthState, part: str
) -> None:
    assert check.state == state, check.message
    assert check.message
    assert (check.recommendation is None) == (state == HEALTHY)
    assert part in (check.recommendation or "")


def test_checks_name_the_worker_model_and_reason() -> None:
    assert "no weights" in check_workers([worker(WorkerCondition.FAILED, error="no weights")], []).message
    assert (
        "no worker has the model m (3 chunks waiting)"
        in check_workers([], [WaitingModel("m", 3, 60.0)]).message
    )
    assert (
        "w makes 40 tokens/s, its median was 100"
        in check_speed([WorkerSpeed("w", [40.0] * 9, [100.0] * 50)]).message
    )


@pytest.mark.parametrize(
    ("states", "whole", "code"),
    [
        ([HEALTHY, HEALTHY], HEALTHY, 0),
        ([HEALTHY, HealthState.UNKNOWN], DEGRADED, 1),
        ([DEGRADED, HEALTHY], DEGRADED, 1),
        ([DEGRADED, UNHEALTHY, HealthState.UNKNOWN], UNHEALTHY, 2),
    ],
)
def test_the_worst_check_is_the_state_of_the_whole(
    states: list[HealthState], whole: HealthState, code: int
) -> None:
    health = Health(checks=tuple(Check(name="x", state=state, message="m") for state in states))
    assert (health.state, health.exit_code) == (whole, code)
    assert health.model_dump(mode="json")["state"] == whole


def test_a_check_that_was_not_made_is_unknown_and_says_so() -> None:
    assert not_made("workers").state == HealthState.UNKNOWN
    assert "not checked" in not_made("workers").message


def test_an_unserved_model_hides_no_lost_worker() -> None:
    lost = worker(WorkerCondition.LOST, name="lost@there", silent_seconds=90.0)
    found = check_workers([worker(model="n"), lost], [WaitingModel("m", 3, 60.0)])
    assert found.message == (
        "no worker has the model m (3 chunks waiting); lost@there was last seen 1 min 30 s ago"
    )
    assert "Nothing is lost of what they held" in str(found.recommendation)


def test_without_the_embedded_broker_the_advice_is_to_start_it_with_the_worker() -> None:
    found = check_workers([], [WaitingModel("m", 3, 60.0)], up_command)
    assert "`qwenq up --model m`" in str(found.recommendation)


def test_a_failed_worker_does_not_hide_a_lost_one() -> None:
    failed = worker(WorkerCondition.FAILED, name="failed@here", error="no weights")
    lost = worker(WorkerCondition.LOST, name="lost@there", host="there", silent_seconds=90.0)
    found = check_workers([failed, lost], [])
    assert "failed@here failed: no weights" in found.message
    assert "lost@there was last seen 1 min 30 s ago" in found.message
    assert "Fix the reason" in str(found.recommendation)
    assert "Look at their machines" in str(found.recommendation)
