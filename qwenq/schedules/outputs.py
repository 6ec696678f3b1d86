"""Where a run's answers go: the schedule's pattern, filled in."""

import string
from datetime import UTC, datetime

from qwenq.exporting import errors_path
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.schedules import RunPolicy

PLACES = ("schedule", "date", "time", "run", "job")
TELLING_APART = {"time", "run", "job"}
AGAIN = "b"
EXAMPLE_DUE = datetime(2026, 1, 1, tzinfo=UTC)
"""To try a pattern with, before anything is due."""


def check_pattern(option: str, pattern: str) -> None:
    """Raise InvalidParameter for a pattern with a place that nothing fills."""
    try:
        fields = _fields(pattern)
    except ValueError as error:
        raise InvalidParameter(name=option, reason=f"{error}; write {{{{ for a brace") from None
    unknown = sorted(fields - set(PLACES))
    if unknown:
        known = ", ".join(f"{{{place}}}" for place in PLACES)
        raise InvalidParameter(name=option, reason=f"there is no {{{unknown[0]}}}; there are {known}")
    try:
        _filled(pattern, "", EXAMPLE_DUE, 1, 1)
    except (ValueError, LookupError):
        reason = f"{pattern!r} cannot be filled in; a place is its name alone, such as {{date}}"
        raise InvalidParameter(name=option, reason=reason) from None


def overwrites_within_a_day(pattern: str) -> bool:
    """Whether two runs on one day would write the same file."""
    return not _fields(pattern) & TELLING_APART


def results_file(policy: RunPolicy, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    """Where the answers of a run go; `due` is in the schedule's time zone."""
    return _filled(policy.output, schedule, due, run_id, job_id)


def errors_file(policy: RunPolicy, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    """Where the errors of a run go."""
    if policy.errors is None:
        return errors_path(results_file(policy, schedule, due, run_id, job_id))
    return _filled(policy.errors, schedule, due, run_id, job_id)


def example_outputs(name: str, policy: RunPolicy) -> list[str]:
    """Files as a run of a schedule of this name would write them."""
    example = (policy, name, EXAMPLE_DUE, 1, 1)
    return [results_file(*example), errors_file(*example)]


def _filled(pattern: str, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    # In the hour that comes twice when clocks go back, the same time stands for two.
    time = f"{due:%H%M%S}{AGAIN if due.fold else ''}"
    return pattern.format(schedule=schedule, date=f"{due:%Y-%m-%d}", time=time, run=run_id, job=job_id)


def _fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
