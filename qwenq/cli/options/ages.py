"""Ages on the command line: `30d`, `12h`."""

import re
from typing import Any

import click

OFF = "off"
LEAST_KEPT_SECONDS = 3_600.0
_SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGE = re.compile(rf"([0-9]{{1,5}}) ?({'|'.join(_SECONDS)})")


class Age(click.ParamType[float]):
    """An age as a number and a unit, in seconds."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read an age. A float is returned as it is: click converts defaults twice."""
        if isinstance(value, float):
            return value
        found = _AGE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not an age: say 30d, 12h or 90min ({', '.join(_SECONDS)})", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


class Kept(click.ParamType[float | str]):
    """How long something is kept, in whole seconds, or `off`."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """Read an age of an hour or more, or `off`."""
        if value == OFF or isinstance(value, int):
            return value  # type: ignore[no-any-return]
        seconds = Age().convert(value, param, ctx)
        if seconds < LEAST_KEPT_SECONDS:
            self.fail(f"{value!r} is too short: say 1h or longer, or off", param, ctx)
        return int(seconds)
