"""When a cron line is due: in its time zone, also where clocks change, and refused where it never is."""

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


def test_a_time_that_the_clocks_leave_out_is_due_right_after_it() -> None:
    due = _due("30 2 * * *", "Europe/Warsaw", SPRING, SPRING + timedelta(days=2))
    assert due == [datetime(2026, 3, 29, 1, tzinfo=UTC), datetime(2026, 3, 30, 0, 30, tzinfo=UTC)]


def test_a_time_that_comes_twice_is_due_once() -> None:
    due = _due("30 2 * * *", "Europe/Warsaw", AUTUMN, AUTUMN + timedelta(days=2))
    assert due == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 26, 1, 30, tzinfo=UTC)]


@pytest.mark.parametrize("since", [SPRING, AUTUMN])
def test_a_line_for_every_five_minutes_follows_the_minutes_that_pass(since: datetime) -> None:
    due = _due("*/5 * * * *", "Europe/Warsaw", since, since + timedelta(days=1))
    assert len(due) == 288
    assert {later - earlier for earlier, later in pairwise(due)} == {timedelta(minutes=5)}


@given(
    st.integers(0, 366 * 86_400).map(
        lambda second: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    )
)
def test_what_is_due_after_a_moment_is_later_than_it(moment: datetime) -> None:
    for line in ("30 2 * * *", "15,45 1-3 * * *", "*/7 * * * *", "@daily"):
        assert CronLine(line, "America/New_York").after(moment) > moment


def test_a_weekday_and_a_name_are_understood() -> None:
    due = _due(
        "0 6 * * MON-FRI", "UTC", datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    )
    assert [moment.day for moment in due] == [20, 23]


@pytest.mark.parametrize(
    "line", ["", "61 * * * *", "* * *", "0 0 30 2 *", "0 0 * * * *", "tomorrow", "é * * * *"]
)
def test_a_line_that_is_none_is_refused_with_an_example(line: str) -> None:
    with pytest.raises(InvalidCron, match=r"Five fields say when"):
        CronLine(line, "UTC")


def test_a_field_that_is_none_is_told_as_it_was_written() -> None:
    with pytest.raises(InvalidCron, match=r"cannot be used: bad hour '2:00'\."):
        CronLine("0 2:00 * * *", "UTC")


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "Europe", "\0"])
def test_a_time_zone_that_is_none_is_refused(zone: str) -> None:
    with pytest.raises(UnknownTimezone, match="IANA"):
        CronLine("0 2 * * *", zone)
