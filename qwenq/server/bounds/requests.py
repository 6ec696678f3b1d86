"""Hold each request to the rates of its key and its tenant, and wrong keys to that of their address."""

import math
from collections.abc import Mapping

from qwenq.access.pauses import network_of
from qwenq.schemas.service.tenants import Caller
from qwenq.server.bounds.rates import Rate, Rates, Standing
from qwenq.server.refusals import MOST_RETRY_SECONDS, Refused

WRONG_KEYS_PER_MINUTE = 20


def count_request(rates: Rates, caller: Caller) -> Mapping[str, str]:
    """Count a request. Returns OpenAI's headers about what is left. Raises Refused."""
    wanted = rates_of(caller)
    if not wanted:
        return {}
    standing = rates.hit(wanted)
    headers = headers_of(standing)
    if standing.refused:
        span = "an hour" if standing.rate.per_hour else "a minute"
        whose = standing.rate.whose[0]
        message = f"Rate limit reached: this {whose} may make {standing.rate.most:,} requests {span}."
        raise over_rate(message, standing, headers)
    return headers


def rates_of(caller: Caller) -> list[Rate]:
    """The rates of a caller. Those of its key come first: what they refuse must not use up those of its tenant."""
    both = (
        ("key", caller.bounds, (caller.tenant, caller.who)),
        ("tenant", caller.tenant_bounds, (caller.tenant,)),
    )
    return [
        Rate(most, per_hour, (whose, *names))
        for whose, bounds, names in both
        for per_hour, most in ((False, bounds.requests_per_minute), (True, bounds.requests_per_hour))
        if most is not None
    ]


def count_wrong_key(rates: Rates, address: str) -> None:
    """Count a wrong key. Raises Refused for an address that tried many; a right key is never refused for that."""
    standing = rates.hit(
        [Rate(WRONG_KEYS_PER_MINUTE, per_hour=False, whose=("address", network_of(address)))]
    )
    if standing.refused:
        raise over_rate("Too many wrong API keys came from this address.", standing, {})


def over_rate(message: str, standing: Standing, headers: Mapping[str, str]) -> Refused:
    """The refusal of a request that came too early; of a rate of 0, waiting does not help."""
    if standing.rate.most == 0:
        return Refused(
            429, message, code="rate_limit_exceeded", kind="requests", retry=False, headers=headers
        )
    seconds = max(1, min(math.ceil(standing.seconds), MOST_RETRY_SECONDS))
    return Refused(
        429,
        f"{message} Please try again in {duration(standing.seconds)}.",
        code="rate_limit_exceeded",
        kind="requests",
        headers={**headers, "retry-after": str(seconds)},
    )


def headers_of(standing: Standing) -> dict[str, str]:
    """OpenAI's headers."""
    return {
        "x-ratelimit-limit-requests": str(standing.rate.most),
        "x-ratelimit-remaining-requests": str(standing.left),
        "x-ratelimit-reset-requests": duration(standing.seconds),
    }


def duration(seconds: float) -> str:
    """A duration as OpenAI writes it: 6m0s, 1.5s, 20ms."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1_000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s" if minutes else f"{rest}s"
