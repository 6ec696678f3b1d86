"""Checks of stranded work and of schedules."""

from qwenq.schemas.views.health import Check, HealthState, ScheduleTrouble, StrandedWork
from qwenq.wording.numbers import counted, duration

EXPIRED_GRACE_SECONDS = 10.0
"""Workers put expired claims back within two seconds; older ones mean that no worker does."""
UNANNOUNCED_GRACE_SECONDS = 60.0
OVERDUE_GRACE_SECONDS = 60.0
"""Beat ticks every five seconds; a tick with much to do takes longer."""


def check_stranded(stranded: StrandedWork) -> Check:
    """Check for claims of lost workers, chunks that were never announced, and half-stored jobs."""
    found, advice = [], []
    if stranded.expired and stranded.longest_expired > EXPIRED_GRACE_SECONDS:
        found.append(f"lost workers hold {counted(stranded.expired, 'chunk')}")
        advice.append("Put them back with `qwenq status`; `qwenq beat` and every worker do it all the time.")
    if stranded.unannounced and stranded.longest_unannounced > UNANNOUNCED_GRACE_SECONDS:
        found.append(f"{counted(stranded.unannounced, 'chunk')} stored and never announced")
        advice.append("Announce them with `qwenq status`, once the broker answers.")
    if stranded.half_jobs:
        named = ", ".join(map(str, stranded.half_jobs[:5])) + (", …" if len(stranded.half_jobs) > 5 else "")  # noqa: PLR2004
        found.append(
            f"{counted(len(stranded.half_jobs), 'job')} left half stored by a submit that died ({named})"
        )
        advice.append("Submit their input again if you want it, and remove them: `qwenq db prune --yes`.")
    if not found:
        return Check(name="stranded", state=HealthState.HEALTHY, message="none")
    return Check(
        name="stranded",
        state=HealthState.DEGRADED,
        message="; ".join(found),
        recommendation=" ".join(advice),
    )


def check_schedules(trouble: ScheduleTrouble) -> Check:
    """Check that a beat runs the schedules, and that their last runs and notices succeeded."""
    found, advice = [], []
    state = HealthState.HEALTHY
    if trouble.overdue and trouble.longest_overdue > OVERDUE_GRACE_SECONDS:
        state = HealthState.UNHEALTHY
        found.append(
            f"{counted(trouble.overdue, 'schedule')} overdue, the longest by {duration(trouble.longest_overdue)}"
        )
        advice.append("Start a beat, which runs them: `qwenq beat`.")
    if trouble.failed:
        found.append(f"the last run failed: {', '.join(trouble.failed)}")
        advice.append(f"See why: `qwenq schedule show {trouble.failed[0]}`.")
    if trouble.given_up:
        found.append(f"{counted(trouble.given_up, 'notice')} did not arrive within a day")
        advice.append("See which and why: `qwenq schedule show NAME`.")
    if not found:
        return Check(name="schedules", state=state, message="none is overdue, and no last run failed")
    state = max(state, HealthState.DEGRADED, key=tuple(HealthState).index)
    return Check(name="schedules", state=state, message="; ".join(found), recommendation=" ".join(advice))
