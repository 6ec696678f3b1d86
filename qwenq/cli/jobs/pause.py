"""`qwenq pause`: let nothing more of a job begin."""

import click

from qwenq.cli.options.shared import json_option


@click.command(name="pause")
@click.argument("job", type=int)
@json_option
def command(job: int, as_json: bool) -> int:
    """Pause JOB until `qwenq resume`. What workers are at is finished, nothing more of it begins."""
    from qwenq.jobs.changing import pause
    from qwenq.schemas.settings import load_settings
    from qwenq.wording.telling import job_line, say, tell_json

    status = pause(job, load_settings())
    tell_json(status) if as_json else say(job_line(status))
    return 0
