"""Example schedules for screenshots of the pages: runs of the last weeks, with each way a run can end."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert

from qwenq.schedules.cron import CronLine
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.schedules import RunPolicy, ScheduledRequest
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.schemas.tables.schedules import schedule_runs
from qwenq.store.database.store import Store
from qwenq.store.schedules.schedules import insert_schedule, set_schedule_state
from qwenq.store.views.schedules.schedules import find_schedule
from qwenq.wording.numbers import percent

ZONE = "Europe/Warsaw"
SUBMITTER = "nightly@etl-1"
LOOK_BACK = timedelta(days=40)
_FAILED = {
    "state": RunState.FAILED, "documents": 8_000, "failed": 552, "error_code": "failure_rate",
    "error_message": f"552 of 8,000 documents failed: {percent(0.069)}, more than --on-failure-rate {percent(0.05)}",
}  # fmt: skip
_SKIPPED = {
    "state": RunState.SKIPPED, "documents": None, "failed": None, "reused": None, "device_seconds": None,
    "output": None, "error_code": "skipped", "error_message": "the run before it was unfinished",
}  # fmt: skip


def fill_schedules(store: Store, job_ids: tuple[int, ...]) -> None:
    """Add a schedule for each night, whose newest runs have these jobs, a weekly one, and a paused one."""
    with store.writing() as connection:
        _add(connection, "contracts", "0 2 * * *", 14, job_ids)
        _add(connection, "reviews", "30 6 * * mon", 5)
        paused = _add(connection, "support-tickets", "0 */6 * * *", 9)
        set_schedule_state(connection, paused, ScheduleState.PAUSED, datetime.now(UTC))


def _add(connection: Connection, name: str, line: str, runs: int, job_ids: tuple[int, ...] = ()) -> int:
    """Add a schedule with its newest runs. Returns its id."""
    cron, at = CronLine(line, ZONE), datetime.now(UTC)
    prompt = PromptSpec(template="Who owes what, and until when? {{ text }}")
    request = ScheduledRequest(
        inputs=(f"inbox/{name}/*.jsonl",), spec=JobSpec(model="Qwen/Qwen3-8B", prompt=prompt)
    )
    policy = RunPolicy(output=f"out/{name}-{{date}}.jsonl", on_failure_rate=0.05)
    insert_schedule(connection, name, (line, ZONE, cron.after(at)), request, policy, SUBMITTER)
    schedule = find_schedule(connection, name)
    if schedule is None:
        raise LookupError(name)
    due_times = list(cron.between(cron.after(at - LOOK_BACK), at))[-runs:]
    for back, due in reversed([*enumerate(reversed(due_times))]):
        run = _run(f"out/{name}-{cron.local(due):%Y-%m-%d}.jsonl", due, back)
        job_id = job_ids[back] if back < len(job_ids) else None
        connection.execute(
            insert(schedule_runs).values({**run, "schedule_id": schedule.id, "job_id": job_id})
        )
    return schedule.id


def _run(output: str, due: datetime, back: int) -> dict[str, object]:
    """A run that ended; `back` counts from the newest. The fourth and the eighth did not succeed."""
    documents = 4_000 + back * 271 % 900
    reused = documents * 4 // 5
    run: dict[str, object] = {
        "due_at": due, "created_at": due, "started_at": due, "finished_at": due + timedelta(minutes=31),
        "state": RunState.SUCCEEDED, "documents": documents, "failed": back % 3, "reused": reused,
        "prompt_tokens": 210 * (documents - reused), "completion_tokens": 360 * (documents - reused),
        "device_seconds": 1_500.0 + 37 * back, "output": output, "deliveries": 1,
    }  # fmt: skip
    return run | {3: _FAILED, 7: _SKIPPED}.get(back, {})
