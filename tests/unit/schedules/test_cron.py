"""Cron lines: due times where clocks change, and refusals."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.schedules.cron import CronLine
from qwenq.schemas.errors import InvalidCron, UnknownTimezone

SPRING, AUTUMN = datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)


def _due(line: str, zone: str, since: datetime, until: datetime) -> list[datetime]:
    cron = CronLine(line, zone)
    return list(cron.between(cron.after(since), until))


def test_a_skipped_time_is_due_right_after_the_change() -> None:
    due = _due("30 2 * * *", "Europe/Warsaw", SPRING, SPRING + timedelta(days=2))
    assert due == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)]


def test_a_repeated_time_is_due_once() -> None:
    due = _due("30 2 * * *", "Europe/Warsaw", AUTUMN, AUTUMN + timedelta(days=2))
    assert due == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize("since", [SPRING, AUTUMN])
def test_a_line_for_every_five_minutes_follows_elapsed_time(since: datetime) -> None:
    due = _due("*/5 * * * *", "Europe/Warsaw", since, since + timedelta(days=1))
    assert len(due) == 288
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(minutes=5)}


@given(
    st.integers(0, 366 * 86_400).map(
        lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    )
)
def test_the_next_due_time_is_later_than_the_moment(moment: datetime) -> None:
    for line in ("30 2 * * *", "15,45 1-3 * * *", "*/7 * * * *", "@daily"):
        assert CronLine(line, "America/New_York").after(moment) > moment


def test_names_of_weekdays_are_understood() -> None:
    due = _due(
        "0 6 * * MON-FRI", "UTC", datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    )
    assert [moment.day for moment in due] == [20, 23]


@pytest.mark.parametrize(
    "line", ["", "61 * * * *", "* * *", "0 0 30 2 *", "0 0 * * * *", "tomorrow", "é * * * *"]
)
def test_an_invalid_cron_line_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(InvalidCron, match=r"It has five fields"):
        CronLine(line, "UTC")


def test_an_invalid_field_is_quoted_as_written() -> None:
    with pytest.raises(InvalidCron, match=r"is not valid: bad hour '2:00'\."):
        CronLine("0 2:00 * * *", "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "\0"])
def test_an_unknown_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(UnknownTimezone, match="IANA"):
        CronLine("0 2 * * *", zone)
