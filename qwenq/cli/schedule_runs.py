"""`qwenq schedule run`, `deliver` and `tick`: runs of schedules, whatever the clock says."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_schedules
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.schedules import ScheduleRun


@click.command(
    cls=Command, examples=("qwenq schedule run nightly", "qwenq schedule run nightly --again 12 --wait")
)
@click.argument("name", shell_complete=complete_schedules)
@option("--again", type=int, metavar="RUN",
        help="Repeat this run: read the inputs as they are now, but name the files as then.")  # fmt: skip
@option("--wait", is_flag=True, help="Wait until the job has ended, and deliver its answers.")
@json_option
def run(name: str, again: int | None, wait: bool, as_json: bool) -> int:
    """Begin a run of schedule NAME now. Prints the id of its job."""
    from qwenq import api
    from qwenq.actions.following import follow
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import by_hand, commands
    from qwenq.wording.outcomes import SHOWN_REASONS, say_outcomes
    from qwenq.wording.output import print_json, say

    settings = read_settings()
    begun = by_hand.run(name, settings, again)
    job_id = begun.job_id or 0
    if not as_json:
        click.echo(job_id)
    for note in (begun.notes or "").splitlines():
        say(note)
    if (waits := commands.show(name, settings).waits) is not None:
        say(waits)
    if wait:
        follow(lambda: api.status(job_id, settings=settings), lambda: None)
        begun = by_hand.finish(name, begun.id, settings)
        say(begun.error_message or f"answers: {begun.output}")
        reasons = api.failure_reasons(job_id, most=SHOWN_REASONS, settings=settings)
        everything = f"`qwenq results {job_id} --errors FILE` writes all of them"
        say_outcomes(api.status(job_id, settings=settings).documents, reasons, everything)
    if as_json:
        print_json(api.status(job_id, settings=settings))
    return _exit_code(begun)


@click.command(cls=Command, examples=("qwenq schedule deliver 12",))
@click.argument("run_id", type=int, metavar="RUN")
@json_option
def deliver(run_id: int, as_json: bool) -> int:
    """Write the answers of an ended RUN anew: those that its job has now."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import by_hand
    from qwenq.wording.output import print_json, say

    delivered = by_hand.deliver(run_id, read_settings())
    print_json(delivered) if as_json else say(delivered.error_message or f"answers: {delivered.output}")
    return _exit_code(delivered)


@click.command(cls=Command, examples=("qwenq schedule tick",))
@option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]), metavar="TIME",
        help="Act as if it were this time: 2026-11-23T02:00+01:00. What is due by then runs once.")  # fmt: skip
@json_option
def tick(at: datetime | None, as_json: bool) -> int:
    """Do once what beat does every few seconds, for your own cron or to try a schedule.

    The exit code is 1 when a run failed meanwhile.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules.ticking import tick_once
    from qwenq.wording.numbers import counted
    from qwenq.wording.output import print_json, say

    report = tick_once(read_settings(), at)
    if as_json:
        print_json(report)
    else:
        did = (
            f"{counted(report.due, 'run')} came due", f"{counted(report.steps, 'step')} of runs done",
            f"{counted(report.notices, 'notice')} sent",
        )  # fmt: skip
        say(", ".join(did))
        for failure in report.failures:
            say(failure)
    return 1 if report.failures else 0


def _exit_code(run: "ScheduleRun") -> int:
    from qwenq.schemas.states import RunState

    return 1 if run.state is RunState.FAILED or run.failed else 0
