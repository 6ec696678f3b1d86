"""Cron lines in a time zone: when a schedule is due."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import dropwhile, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from qwenq.schemas.errors import InvalidCron, UnknownTimezone
from qwenq.schemas.schedules import Schedule

FIELDS = 5
_ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CronLine:
    """The due times of a cron line in a time zone. Where clocks change, they follow Debian's cron.

    A skipped time is due right after the change. A repeated time is due once. Hourly and more frequent lines follow
    elapsed time. Raises InvalidCron, UnknownTimezone.
    """

    def __init__(self, line: str, timezone: str) -> None:
        self._line = _ALIASES.get(line.strip().lower(), line)
        self._zone = _zone_of(timezone)
        fields = len(self._line.split())
        if fields != FIELDS:
            reason = f"it has {fields} fields, not five (minute, hour, day of month, month, day of week)"
            raise InvalidCron(line=line, reason=reason)
        try:
            next(CronSim(self._line, datetime.now(self._zone)))
        except CronSimError as error:
            raise InvalidCron(line=line, reason=_reason_of(error, self._line)) from None
        except StopIteration:
            raise InvalidCron(line=line, reason="no such day exists") from None

    def after(self, moment: datetime) -> datetime:
        """The first due time after a moment, in UTC."""
        return next(self._after(moment))

    def between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """A due time and all later ones up to and including `last`, in UTC."""
        yield first
        yield from takewhile(lambda due: due <= last, self._after(first))

    def local(self, moment: datetime) -> datetime:
        """Convert a moment to the time zone."""
        return moment.astimezone(self._zone)

    def _after(self, moment: datetime) -> Iterator[datetime]:
        coming = (due.astimezone(UTC) for due in CronSim(self._line, moment.astimezone(self._zone)))
        # In a repeated hour, cronsim starts with the first of the two, which may lie before the moment.
        return dropwhile(lambda due: due <= moment, coming)


def local_time(schedule: Schedule, moment: datetime) -> str:
    """A moment in the schedule's time zone, such as `2026-11-22 02:00`."""
    return f"{CronLine(schedule.cron, schedule.timezone).local(moment):%Y-%m-%d %H:%M}"


def _reason_of(error: CronSimError, line: str) -> str:
    """Say what is wrong with a line. The library names the bad field; add its text."""
    said = str(error).lower()
    names = ("bad minute", "bad hour", "bad day-of-month", "bad month", "bad day-of-week")
    return said if said not in names else f"{said} {line.split()[names.index(said)]!r}"


def _zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownTimezone(name=name) from None
