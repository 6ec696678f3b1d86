"""`qwenq submit`: store files as a job for the workers."""

from typing import Any

import click

from qwenq.cli.job_options import job_options
from qwenq.cli.options import json_option, option


@click.command(name="submit")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@job_options
@option("--wait", is_flag=True, help="Wait until the job has ended; exit code 1 when documents failed.")
@json_option
def command(files: tuple[str, ...], dry_run: bool, wait: bool, as_json: bool, **options: Any) -> int:
    """Store FILEs as one job and tell the workers. Prints the job's id.

    FILE is JSONL, CSV or TSV, also .gz or .zst; - is standard input.
    """
    from qwenq import api
    from qwenq.cli.requests import read_request, show_preview
    from qwenq.progress import count_rows, follow
    from qwenq.submitting import submit_request
    from qwenq.telling import say, tell_json
    from schemas.settings import load_settings

    settings = load_settings(model=options.pop("model"))
    request = read_request(files, options)
    if dry_run:
        return show_preview(request, settings, as_json)
    submission = submit_request(request, settings, count_rows)
    if submission.rejected:
        say(
            f"{submission.rejected:,} of {submission.documents:,} rows are bad: they are in the errors of the job"
        )
    if submission.unannounced:
        say(f"the job is stored, and starts once the broker is back: {submission.unannounced}")
    elif not submission.workers:
        say(f"no worker has this model yet; start one with `qwenq worker --model {settings.model}`")
    if not as_json:
        click.echo(submission.job_id)
    status = api.status(submission.job_id, settings=settings)
    if wait:
        status = follow(lambda: api.status(submission.job_id, settings=settings), lambda: None)
    if as_json:
        tell_json(status)
    return 1 if wait and (status.documents.failed or status.documents.cancelled) else 0
