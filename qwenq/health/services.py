"""Checks of the store, its version, and the broker."""

from qwenq.schemas.errors import BrokerAway, InvalidSetting, StoreAway
from qwenq.schemas.views.health import BrokerFacts, Check, HealthState
from qwenq.wording.numbers import percent, precise_duration

SLOW_STORE_SECONDS = 0.5
SLOW_BROKER_SECONDS = 0.5
NEARLY_FULL = 0.9


def check_store(url: str, seconds: float) -> Check:
    """Check how long the store takes for the simplest query."""
    message = f"{url} answers in {precise_duration(seconds)}"
    if seconds <= SLOW_STORE_SECONDS:
        return Check(name="store", state=HealthState.HEALTHY, message=message)
    advice = (
        "See what else its machine or disk is busy with; for PostgreSQL, `SELECT * FROM pg_stat_activity`."
    )
    return Check(name="store", state=HealthState.DEGRADED, message=message, recommendation=advice)


def check_store_away(error: StoreAway | InvalidSetting) -> Check:
    """The check of a store that does not answer."""
    return _away("store", error)


def check_schema(found: str | None, needed: str) -> Check:
    """Check that the store has the version that this qwenq needs."""
    if found == needed:
        return Check(
            name="schema",
            state=HealthState.HEALTHY,
            message=f"version {found}, as this qwenq needs",
        )
    if found is None:
        message, advice = "the store has no tables yet", "Make them: `qwenq db upgrade`."
    elif found < needed:
        message = f"the store has version {found}, this qwenq needs {needed}"
        advice = "Upgrade it: `qwenq db upgrade`."
    else:
        message = f"the store has version {found}, newer than the {needed} of this qwenq"
        advice = "Install the qwenq that made it, or a newer one."
    return Check(name="schema", state=HealthState.UNHEALTHY, message=message, recommendation=advice)


def check_broker(facts: BrokerFacts) -> Check:
    """Check how quickly the broker answers, and how much memory it has left."""
    message = f"{facts.url} answers in {precise_duration(facts.seconds)}"
    if facts.memory_limit and facts.memory >= NEARLY_FULL * facts.memory_limit:
        share = facts.memory / facts.memory_limit
        message += f"; {percent(share)} of its memory is taken"
        advice = "Raise its limit (`redis-cli CONFIG SET maxmemory 1gb`), or see what else fills it."
        return Check(name="broker", state=HealthState.DEGRADED, message=message, recommendation=advice)
    if facts.seconds > SLOW_BROKER_SECONDS:
        advice = "See what else its machine is busy with; `redis-cli SLOWLOG GET` lists slow commands."
        return Check(name="broker", state=HealthState.DEGRADED, message=message, recommendation=advice)
    return Check(name="broker", state=HealthState.HEALTHY, message=message)


def check_broker_away(error: BrokerAway | InvalidSetting) -> Check:
    """The check of a broker that does not answer."""
    return _away("broker", error)


def check_silent(name: str, seconds: float) -> Check:
    """The check of a service that did not answer in time."""
    return Check(
        name=name,
        state=HealthState.UNHEALTHY,
        message=f"no answer within {seconds:.0f} s",
        recommendation="See whether its machine and the network are up; `qwenq check` tries each setting.",
    )


def not_made(name: str) -> Check:
    """A check that was not made, because it needs the store."""
    return Check(
        name=name, state=HealthState.UNKNOWN, message="not checked, because the store cannot be read"
    )


def _away(name: str, error: StoreAway | BrokerAway | InvalidSetting) -> Check:
    if isinstance(error, InvalidSetting):
        message, advice = f"{error.name} is not valid: {error.reason}", "Correct it; `qwenq check` tries it."
    else:
        message, advice = (
            f"{error.url} does not answer as it should: {error.reason}",
            f"{error.remedy}.",
        )
    return Check(name=name, state=HealthState.UNHEALTHY, message=message, recommendation=advice)
