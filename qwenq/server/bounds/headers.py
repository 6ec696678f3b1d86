"""OpenAI's headers about what is left of a bound."""

import math


def left_headers(what: str, most: int, left: int, seconds: float) -> dict[str, str]:
    """How many requests or tokens are left, and in how many seconds there are more."""
    return {
        f"x-ratelimit-limit-{what}": str(most),
        f"x-ratelimit-remaining-{what}": str(left),
        f"x-ratelimit-reset-{what}": duration(seconds),
    }


def duration(seconds: float) -> str:
    """A duration as OpenAI writes it: 6m0s, 2s, 20ms."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1_000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
