"""Checks of the work: what nobody is at, though somebody should be, and what schedules came to nothing."""

from qwenq.schemas.views.health import Check, HealthState, ScheduleTrouble, StrandedWork

EXPIRED_GRACE_SECONDS = 10.0
"""Workers put back what has expired within two seconds; what is older, nobody looks after."""
UNANNOUNCED_GRACE_SECONDS = 60.0
OVERDUE_GRACE_SECONDS = 60.0
"""Beat looks every five seconds; a tick that has much to do takes longer."""


def check_stranded(stranded: StrandedWork) -> Check:
    """Whether chunks lie with lost workers or were never announced, and whether submits died on the way."""
    told, advice = [], []
    if stranded.expired and stranded.longest_expired > EXPIRED_GRACE_SECONDS:
        told.append(f"{stranded.expired:,} chunks lie with workers that are lost")
        advice.append("Put them back: `qwenq status` does; `qwenq beat` or any worker keeps doing it.")
    if stranded.unannounced and stranded.longest_unannounced > UNANNOUNCED_GRACE_SECONDS:
        told.append(f"{stranded.unannounced:,} chunks were stored and never announced")
        advice.append("Announce them: `qwenq status` does, once the broker is there.")
    if stranded.half_jobs:
        named = ", ".join(map(str, stranded.half_jobs[:5])) + (", …" if len(stranded.half_jobs) > 5 else "")  # noqa: PLR2004
        told.append(f"{len(stranded.half_jobs):,} jobs were left half stored by a submit that died ({named})")
        advice.append("Submit their input again if it is wanted, and clear up: `qwenq db prune --yes`.")
    if not told:
        return Check(name="stranded", state=HealthState.HEALTHY, message="none")
    return Check(
        name="stranded",
        state=HealthState.DEGRADED,
        message="; ".join(told),
        recommendation=" ".join(advice),
    )


def check_schedules(trouble: ScheduleTrouble) -> Check:
    """Whether somebody looks after schedules, and whether their last runs came to something."""
    told, advice = [], []
    state = HealthState.HEALTHY
    if trouble.overdue and trouble.longest_overdue > OVERDUE_GRACE_SECONDS:
        state = HealthState.UNHEALTHY
        told.append(
            f"{trouble.overdue:,} schedules are overdue, the longest by {trouble.longest_overdue:,.0f} s"
        )
        advice.append("Start a beat, which runs them: `qwenq beat`.")
    if trouble.failed:
        told.append(f"the last run failed of {', '.join(trouble.failed)}")
        advice.append(f"See why: `qwenq schedule show {trouble.failed[0]}`.")
    if trouble.given_up:
        told.append(f"{trouble.given_up:,} notices reached no webhook within a day")
        advice.append("See which and why: `qwenq schedule show NAME`.")
    if not told:
        return Check(name="schedules", state=state, message="none is overdue, and no last run failed")
    state = max(state, HealthState.DEGRADED, key=tuple(HealthState).index)
    return Check(name="schedules", state=state, message="; ".join(told), recommendation=" ".join(advice))
