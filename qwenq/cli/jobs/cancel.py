"""`qwenq cancel`: stop a job."""

import click

from qwenq.cli.options.shared import json_option


@click.command(name="cancel")
@click.argument("job", type=int)
@json_option
def command(job: int, as_json: bool) -> int:
    """Stop JOB. What is answered is kept; a batch in work is put down within seconds."""
    from qwenq import api
    from qwenq.wording.telling import job_line, say, tell_json

    status = api.cancel(job)
    tell_json(status) if as_json else say(job_line(status))
    return 0
