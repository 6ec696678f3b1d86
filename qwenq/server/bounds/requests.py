"""Hold each request to the rates of its key and its tenant, and wrong keys to that of their address."""

import math
from collections.abc import Mapping

from qwenq.access.pauses import network_of
from qwenq.schemas.service.tenants import Caller
from qwenq.server.bounds.headers import duration, left_headers
from qwenq.server.bounds.rates import Rate, Rates, Standing
from qwenq.server.refusals import MOST_RETRY_SECONDS, Refused

WRONG_KEYS_PER_MINUTE = 20


def count_request(rates: Rates, caller: Caller) -> Mapping[str, str]:
    """Count a request. Returns OpenAI's headers about what is left. Raises Refused."""
    wanted = rates_of(caller)
    if not wanted:
        return {}
    standing = rates.hit(wanted)
    headers = left_headers("requests", standing.rate.most, standing.left, standing.seconds)
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
