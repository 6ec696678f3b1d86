"""How numbers, sizes, spans of time and moments are worded."""

from datetime import UTC, datetime

UNKNOWN = "-"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_KILO = 1024.0
_FEW = 10


def number(value: float | None) -> str:
    """A count or a rate; a float below 10 gets one decimal."""
    if value is None:
        return UNKNOWN
    return f"{value:,.1f}" if isinstance(value, float) and abs(value) < _FEW else f"{value:,.0f}"


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 chunk`, `1,200 chunks`."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"


def at_most(most: float, average: float | None) -> str:
    """The greatest rate over a minute, behind an average. Empty for a job of seconds: a minute is longer than it."""
    return f", at most {number(most)} over a minute" if most > (average or 0.0) else ""


def percent(share: float | None) -> str:
    """A share of 1. No line breaks before its sign."""
    return UNKNOWN if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def duration(seconds: float | None) -> str:
    """A span of time in its two largest units."""
    if seconds is None:
        return UNKNOWN
    left = max(0, round(seconds))
    for place, (size, unit) in enumerate(_UNITS):
        if left >= size:
            smaller, name = (*_UNITS, (1, "s"))[place + 1]
            rest = left % size // smaller
            return f"{left // size} {unit} {rest} {name}" if rest else f"{left // size} {unit}"
    return f"{left} s"


def precise_duration(seconds: float | None) -> str:
    """A measured span of time: in milliseconds below a second, else in seconds."""
    if seconds is None:
        return UNKNOWN
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{seconds * 1_000:,.1f} ms"


def age(moment: datetime | None) -> str:
    """How long ago, in the largest unit that fits."""
    if moment is None:
        return UNKNOWN
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(value: datetime | None) -> str:
    """A moment in full, in UTC."""
    return UNKNOWN if value is None else f"{value:%Y-%m-%d %H:%M:%S} UTC"


def size(octets: float | None) -> str:
    """Bytes in the unit that fits."""
    if octets is None:
        return UNKNOWN
    value = float(octets)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < _KILO:
            return f"{number(value)} {unit}"
        value /= _KILO
    return f"{number(value)} TiB"
