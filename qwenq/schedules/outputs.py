"""Output files of a run: the schedule's patterns, filled in."""

import os
import string
from datetime import UTC, datetime

from qwenq.exporting import FileStyle, errors_path
from qwenq.producer.object_stores import checked_name, is_url
from qwenq.producer.roots import OUTPUT_ROOTS, check_within
from qwenq.schemas.errors import InvalidParameter
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.settings import Settings

PLACES = ("schedule", "date", "time", "run", "job")
DISTINCT_WITHIN_A_DAY = {"time", "run", "job"}
REPEATED = "b"
EXAMPLE_DUE = datetime(2026, 1, 1, tzinfo=UTC)
"""A due time to try patterns with."""


def check_pattern(option: str, pattern: str) -> None:
    """Raise InvalidParameter if a pattern has an unknown place or a format."""
    try:
        fields = _fields(pattern)
    except ValueError as error:
        raise InvalidParameter(name=option, reason=f"{error}; write {{{{ for a brace") from None
    unknown = sorted(fields - set(PLACES))
    if unknown:
        known = ", ".join(f"{{{place}}}" for place in PLACES)
        raise InvalidParameter(name=option, reason=f"{{{unknown[0]}}} is unknown; the places are {known}")
    try:
        _filled(pattern, "", EXAMPLE_DUE, 1, 1)
    except (ValueError, LookupError):
        reason = f"{pattern!r} cannot be filled in; write a place as its name alone, such as {{date}}"
        raise InvalidParameter(name=option, reason=reason) from None


def overwrites_within_a_day(pattern: str) -> bool:
    """Whether two runs on one day would write the same file."""
    return not _fields(pattern) & DISTINCT_WITHIN_A_DAY


def overwrites_each_time(pattern: str) -> bool:
    """Whether all runs would write the same file."""
    return not _fields(pattern) & {"date", *DISTINCT_WITHIN_A_DAY}


def results_file(policy: RunPolicy, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    """The path of a run's answers; `due` is in the schedule's time zone."""
    return _filled(policy.output, schedule, due, run_id, job_id)


def errors_file(policy: RunPolicy, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    """The path of a run's errors; `due` is in the schedule's time zone."""
    if policy.errors is None:
        return errors_path(results_file(policy, schedule, due, run_id, job_id), policy.output_format)
    return _filled(policy.errors, schedule, due, run_id, job_id)


def style_of(policy: RunPolicy) -> FileStyle:
    """How a schedule's files are written."""
    return FileStyle(policy.csv_safe, policy.bom, policy.keep_columns, policy.output_format)


def example_outputs(name: str, policy: RunPolicy) -> list[str]:
    """Example paths of answers and errors for a schedule."""
    example = (policy, name, EXAMPLE_DUE, 1, 1)
    return [results_file(*example), errors_file(*example)]


def checked_output(name: str, settings: Settings) -> str:
    """Return the name of a file that lies in QWENQ_OUTPUT_ROOTS, with the real path of its folder. Raises OutsideRoots.

    What replaces or removes the file never follows a link in its own place.
    """
    name = checked_name(name)
    if not settings.output_roots:
        return name
    if not is_url(name):
        folder, name = os.path.split(name)
        name = os.path.join(os.path.realpath(folder), name)  # noqa: PTH118
    check_within(name if is_url(name) else os.path.dirname(name), settings.output_roots, OUTPUT_ROOTS)  # noqa: PTH120
    return name


def _filled(pattern: str, schedule: str, due: datetime, run_id: int, job_id: int) -> str:
    # When clocks go back, an hour repeats. Mark the second one, or two runs would share a file.
    time = f"{due:%H%M%S}{REPEATED if due.fold else ''}"
    return pattern.format(schedule=schedule, date=f"{due:%Y-%m-%d}", time=time, run=run_id, job=job_id)


def _fields(pattern: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
