"""`qwenq status`: where jobs stand."""

import click

from qwenq.cli.options import json_option, option


@click.command(name="status")
@click.argument("job", type=int, required=False)
@option("--watch", is_flag=True, help="Follow the job to its end.")
@option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many jobs, newest first.")
@json_option
def command(job: int | None, watch: bool, limit: int, as_json: bool) -> int:
    """Where JOB stands; without JOB, the newest ones."""
    from qwenq import api
    from qwenq.stores import count_workers
    from qwenq.telling import say, show_job, show_jobs, tell_json
    from schemas.settings import load_settings

    if job is None:
        if watch:
            raise click.UsageError("--watch needs a JOB")
        found = api.jobs(limit)
        tell_json(found) if as_json else show_jobs(found)
        return 0
    status = api.status(job)
    if watch:
        from qwenq.progress import follow

        status = follow(lambda: api.status(job), lambda: None)
    tell_json(status) if as_json else show_job(status)
    if not status.state.ended and not count_workers(load_settings(), status.model):
        say(
            f"no worker with this model gives a sign of life; `qwenq worker --model {status.model}` starts one"
        )
    return 0
