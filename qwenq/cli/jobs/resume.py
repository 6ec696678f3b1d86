"""`qwenq resume`: let a paused job go on."""

import click

from qwenq.cli.options.shared import json_option


@click.command(name="resume")
@click.argument("job", type=int)
@json_option
def command(job: int, as_json: bool) -> int:
    """Let a paused JOB go on where it was."""
    from qwenq.cli.jobs.revivals import tell_revival
    from qwenq.jobs.changing import resume
    from qwenq.schemas.settings import load_settings

    tell_revival(resume(job, load_settings()), as_json=as_json)
    return 0
