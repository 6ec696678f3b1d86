"""Names of output files: unique for each due time, even where clocks go back."""

from datetime import UTC, datetime, timedelta

from qwenq.schedules.cron import CronLine
from qwenq.schedules.outputs import errors_file, results_file
from qwenq.schemas.schedules import RunPolicy

MIDNIGHT = datetime(2026, 10, 24, 22, tzinfo=UTC)
POLICY = RunPolicy(output="/out/{schedule}-{date}-{time}.jsonl")


def _names(policy: RunPolicy, hours: int) -> list[str]:
    line = CronLine("0 * * * *", "Europe/Warsaw")
    due = line.between(MIDNIGHT, MIDNIGHT + timedelta(hours=hours - 1))
    return [results_file(policy, "hourly", line.local(moment), 1, 1) for moment in due]


def test_a_repeated_hour_has_two_files() -> None:
    assert _names(POLICY, 5) == [
        f"/out/hourly-2026-10-25-{time}.jsonl" for time in ("000000", "010000", "020000", "020000b", "030000")
    ]


def test_each_hour_of_a_day_of_25_hours_has_its_own_file() -> None:
    assert len(set(_names(POLICY, 25))) == 25


def test_errors_go_beside_the_answers_by_default() -> None:
    place = ("nightly", MIDNIGHT, 7, 12)
    assert errors_file(POLICY, *place) == "/out/nightly-2026-10-24-220000.errors.jsonl"
    named = POLICY.model_copy(update={"errors": "/why/{run}-{job}.jsonl"})
    assert errors_file(named, *place) == "/why/7-12.jsonl"
