"""`qwenq metrics`: show a job's response times, speed and memory."""

import click

from qwenq.cli.options.completion import complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option


@click.command(name="metrics", cls=Command, examples=("qwenq metrics 7",))
@click.argument("job", type=int, shell_complete=complete_jobs)
@json_option
def command(job: int, as_json: bool) -> int:
    """Show what JOB took so far: response times, tokens a second, memory, padding, reuse of shared prefixes."""
    from qwenq import api
    from qwenq.cli.options.settings import read_settings
    from qwenq.wording.job_metrics import show_metrics
    from qwenq.wording.output import print_json

    found = api.metrics(job, settings=read_settings())
    print_json(found) if as_json else show_metrics(found)
    return 0
