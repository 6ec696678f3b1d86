"""Parameters of queries and forms, refused as OpenAI refuses them. Unknown ones are ignored."""

import re

from qwenq.server.limits import LEAST_KEPT_SECONDS, MOST_KEPT_SECONDS, MOST_OFFSET
from qwenq.server.refusals import Refused

_WHOLE = re.compile(r"-?[0-9]{1,18}")


def limit_of(given: str | None, default: int, most: int, least: int) -> int:
    """The limit of a page. Raises Refused."""
    if given is None:
        return default
    number = whole("limit", given)
    bound(number, least, most, "limit")
    return number


def offset_of(given: str | None) -> int:
    """How many lines a client has read already. Raises Refused."""
    if given is None:
        return 0
    number = whole("offset", given)
    bound(number, 0, MOST_OFFSET, "offset")
    return number


def whole(name: str, given: object) -> int:
    """A whole number; in JSON, 3600.0 is one, too. Raises Refused."""
    is_whole = isinstance(given, float) and given.is_integer()
    text = "" if isinstance(given, bool) else f"{given:.0f}" if is_whole else str(given)
    if _WHOLE.fullmatch(text) is None:
        message = f"Invalid type for '{name}': expected an integer."
        raise Refused(400, message, param=name, code="invalid_type")
    return int(text)


def bound(number: int, least: int, most: int, name: str) -> None:
    """Raise Refused for a number out of its bounds."""
    if number > most:
        wanted = f"Expected a value <= {most}, but got {number} instead."
        message = f"Invalid '{name}': integer above maximum value. {wanted}"
        raise Refused(400, message, param=name, code="integer_above_max_value")
    if number < least:
        wanted = f"Expected a value >= {least}, but got {number} instead."
        message = f"Invalid '{name}': integer below minimum value. {wanted}"
        raise Refused(400, message, param=name, code="integer_below_min_value")


def kept_seconds(anchor: object, seconds: object, name: str) -> int | None:
    """How long a file is kept, from its `expires_after`. Raises Refused."""
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise one_of(f"{name}.anchor", anchor, ("created_at",))
    number = whole(f"{name}.seconds", seconds)
    bound(number, LEAST_KEPT_SECONDS, MOST_KEPT_SECONDS, f"{name}.seconds")
    return number


def one_of(name: str, given: object, values: tuple[str, ...]) -> Refused:
    """The refusal of a value that is none of these."""
    if given is None:
        message = f"Missing required parameter: '{name}'."
        return Refused(400, message, param=name, code="missing_required_parameter")
    known = ", ".join(f"'{value}'" for value in values)
    shown = str(given)[:100]
    # OpenAI's client shows nothing but the message, so that this names parameter and code, too.
    message = f"Invalid value: '{shown}'. Supported values are: {known}. Parameter: '{name}' (invalid_value)."
    return Refused(400, message, param=name, code="invalid_value")
