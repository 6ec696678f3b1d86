"""What a person should know of a job that goes on, and of what it may wait for."""

from qwenq.jobs.changing import Revival
from qwenq.wording.telling import job_line, say, tell_json
from qwenq.wording.worker_command import worker_command


def tell_revival(revival: Revival, *, as_json: bool) -> None:
    """Tell where the job stands, and what keeps it from running."""
    status = revival.status
    tell_json(status) if as_json else say(job_line(status))
    if revival.unannounced:
        say(f"it starts once the broker is back: {revival.unannounced}")
    elif not revival.workers:
        say(f"no worker has this model now; start one with `{worker_command(status.model)}`")
