"""`qwenq cancel`, `pause`, `resume` and `retry`: change what becomes of a job."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_error_codes, complete_jobs
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.actions.changing import Revival
    from qwenq.schemas.jobs import JobStatus


@click.command(name="cancel", cls=Command, examples=("qwenq cancel 7",))
@click.argument("job", type=int, shell_complete=complete_jobs)
@json_option
def cancel(job: int, as_json: bool) -> int:
    """Stop JOB. Its answers are kept; workers drop its running documents within seconds."""
    from qwenq.actions import changing
    from qwenq.cli.options.settings import read_settings

    _show(changing.cancel(job, read_settings()), as_json)
    return 0


@click.command(name="pause", cls=Command, examples=("qwenq pause 7",))
@click.argument("job", type=int, shell_complete=complete_jobs)
@json_option
def pause(job: int, as_json: bool) -> int:
    """Pause JOB until `qwenq resume`. Workers finish the documents they have begun, and begin no others."""
    from qwenq.actions import changing
    from qwenq.cli.options.settings import read_settings

    _show(changing.pause(job, read_settings()), as_json)
    return 0


@click.command(name="resume", cls=Command, examples=("qwenq resume 7",))
@click.argument("job", type=int, shell_complete=complete_jobs)
@json_option
def resume(job: int, as_json: bool) -> int:
    """Let a paused JOB go on where it stopped."""
    from qwenq.actions import changing
    from qwenq.cli.options.settings import read_settings

    _show_revival(changing.resume(job, read_settings()), as_json)
    return 0


@click.command(
    name="retry",
    cls=Command,
    examples=("qwenq retry 7 --code out_of_memory", "qwenq retry 7 --code no_answer --max-new-tokens 8192"),
)
@click.argument("job", type=int, shell_complete=complete_jobs)
@option("--code", "codes", multiple=True, metavar="CODE", shell_complete=complete_error_codes,
        help="Only documents with this error code; may be repeated.")  # fmt: skip
@option("--max-new-tokens", "token_limit", type=int, metavar="N",
        help="The longest answer from now on, in tokens; rows with a limit of their own keep it.")  # fmt: skip
@json_option
def retry(job: int, codes: tuple[str, ...], token_limit: int | None, as_json: bool) -> int:
    """Run the failed documents of an ended JOB again.

    Answers stay. Earlier failures are kept: the errors file and `qwenq results --history` show them.
    Bad rows stay failed, because there is nothing to run.
    """
    from qwenq.actions import changing
    from qwenq.cli.options.settings import read_settings

    _show_revival(changing.retry(job, codes, read_settings(), token_limit), as_json)
    return 0


def _show(status: "JobStatus", as_json: bool) -> None:
    from qwenq.wording.jobs import job_line
    from qwenq.wording.output import print_json, say

    print_json(status) if as_json else say(job_line(status))


def _show_revival(revival: "Revival", as_json: bool) -> None:
    """Show where a job stands that goes on, and what keeps it from running."""
    from qwenq.wording.output import say
    from qwenq.wording.workers import start_a_worker

    _show(revival.status, as_json)
    if revival.unannounced:
        say(f"the job starts once the broker is back: {revival.unannounced}")
    elif not revival.workers:
        say(start_a_worker(revival.status.model))
