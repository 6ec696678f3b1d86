"""`qwenq schedule`: run jobs by the clock."""

from datetime import datetime
from typing import Any

import click

from qwenq.cli.options.completion import complete_files, complete_schedules
from qwenq.cli.options.files import style_options
from qwenq.cli.options.job import spec_options
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option
from qwenq.schemas.schedules import CatchUp, Overlap


@click.group(name="schedule", cls=Group)
def command() -> None:
    """Submit jobs by the clock and deliver their answers. `qwenq beat` does the work; `qwenq up` includes one."""


@command.command(
    examples=(
        "qwenq schedule add nightly --cron '0 2 * * *' --tz Europe/Warsaw --input 'inbox/*.csv' \\",
        "    --model Qwen/Qwen3-8B --prompt 'Summarise: {{ text }}' -o 'out/{date}.csv'",
    )
)
@click.argument("name")
@option("--cron", required=True, metavar="LINE", help='The cron line: "0 2 * * *" is 2 o\'clock each night.')
@option(
    "--tz",
    default="UTC",
    show_default=True,
    metavar="ZONE",
    help="The time zone, such as Europe/Warsaw.",
)
@option("--input", "inputs", multiple=True, required=True, metavar="INPUT", shell_complete=complete_files,
        help="A file, pattern, folder or URL, looked up at each run; may be repeated.")  # fmt: skip
@option("-o", "--output", required=True, metavar="PATTERN", shell_complete=complete_files,
        help="Where to write the answers of a run; may hold {schedule}, {date}, {time}, {run}, {job}.")  # fmt: skip
@option("--errors", metavar="PATTERN", shell_complete=complete_files,
        help="Where to write its errors [default: --output with the ending .errors.jsonl].")  # fmt: skip
@style_options
@option("--catch-up", type=click.Choice(tuple(map(str, CatchUp))), default=str(CatchUp.LAST), show_default=True,
        help="Which of the due times that passed without a beat still run.")  # fmt: skip
@option("--overlap", type=click.Choice(tuple(map(str, Overlap))), default=str(Overlap.SKIP), show_default=True,
        help="What happens to a run that comes due while an earlier one is unfinished.")  # fmt: skip
@option(
    "--webhook",
    metavar="URL",
    help="Where to post a notice when a run has ended; QWENQ_WEBHOOK_SECRET signs it.",
)
@option("--on-failure-rate", type=click.FloatRange(0, 1), metavar="SHARE",
        help="The share of failed documents above which a run counts as failed: 0.05 is one in twenty.")  # fmt: skip
@spec_options
@json_option
def add(name: str, cron: str, tz: str, inputs: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Add a schedule called NAME. Each run is a job, and reuses the answers of earlier runs."""
    from qwenq.cli.options.requests import read_request
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schedules.tables import next_due
    from qwenq.schemas.schedules import RunPolicy
    from qwenq.wording.output import print_json, say

    settings = read_settings(model=options.pop("model"))
    policy = RunPolicy(**{field: options.pop(field) for field in RunPolicy.model_fields})
    added = commands.add(name, (cron, tz), read_request(inputs, options), policy, settings)
    for warning in added.warnings:
        say(warning)
    print_json(added.schedule) if as_json else say(f"schedule {name} is due {next_due(added.schedule)}")
    return 0


@command.command(name="list", examples=("qwenq schedule list",))
@json_option
def list_(as_json: bool) -> int:
    """Show all schedules, their next due times and their last runs."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules.commands import all_schedules
    from qwenq.schedules.tables import show_schedules
    from qwenq.wording.output import print_json

    found = all_schedules(read_settings())
    print_json(found) if as_json else show_schedules(found)
    return 0


@command.command(examples=("qwenq schedule show nightly",))
@click.argument("name", shell_complete=complete_schedules)
@json_option
def show(name: str, as_json: bool) -> int:
    """Show what schedule NAME submits, and its newest runs."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schedules.tables import show_schedule
    from qwenq.wording.output import print_json

    report = commands.show(name, read_settings())
    print_json(report) if as_json else show_schedule(report)
    return 0


@command.command(examples=("qwenq schedule pause nightly",))
@click.argument("name", shell_complete=complete_schedules)
@json_option
def pause(name: str, as_json: bool) -> int:
    """Pause schedule NAME: its due times pass without a run. A run that has begun goes on."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.wording.output import print_json, say

    paused = commands.pause(name, read_settings())
    sentence = f"schedule {name} is paused; `qwenq schedule resume {name}` lets it go on"
    print_json(paused) if as_json else say(sentence)
    return 0


@command.command(examples=("qwenq schedule resume nightly",))
@click.argument("name", shell_complete=complete_schedules)
@json_option
def resume(name: str, as_json: bool) -> int:
    """Resume schedule NAME, from its next due time."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schedules.tables import next_due
    from qwenq.wording.output import print_json, say

    resumed = commands.resume(name, read_settings())
    print_json(resumed) if as_json else say(f"schedule {name} is due {next_due(resumed)}")
    return 0


@command.command(examples=("qwenq schedule remove nightly",))
@click.argument("name", shell_complete=complete_schedules)
@json_option
def remove(name: str, as_json: bool) -> int:
    """Remove schedule NAME and the record of its runs. Their jobs and answers stay."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.wording.output import print_json, say

    removed = commands.remove(name, read_settings())
    print_json(removed) if as_json else say(f"schedule {name} is removed; its jobs stay")
    return 0


@command.command(examples=("qwenq schedule run nightly",))
@click.argument("name", shell_complete=complete_schedules)
@option("--wait", is_flag=True, help="Wait until the job has ended, and deliver its answers.")
@json_option
def run(name: str, wait: bool, as_json: bool) -> int:
    """Begin a run of schedule NAME now. Prints the id of its job."""
    from qwenq import api
    from qwenq.actions.following import follow
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schemas.states import RunState
    from qwenq.wording.outcomes import SHOWN_REASONS, say_outcomes
    from qwenq.wording.output import print_json, say

    settings = read_settings()
    begun = commands.run(name, settings)
    job_id = begun.job_id or 0
    if not as_json:
        click.echo(job_id)
    for note in (begun.notes or "").splitlines():
        say(note)
    if (waits := commands.show(name, settings).waits) is not None:
        say(waits)
    if wait:
        follow(lambda: api.status(job_id, settings=settings), lambda: None)
        begun = commands.finish(name, begun.id, settings)
        say(begun.error_message or f"answers: {begun.output}")
        reasons = api.failure_reasons(job_id, most=SHOWN_REASONS, settings=settings)
        everything = f"`qwenq results {job_id} --errors FILE` writes all of them"
        say_outcomes(api.status(job_id, settings=settings).documents, reasons, everything)
    if as_json:
        print_json(api.status(job_id, settings=settings))
    return 1 if begun.state is RunState.FAILED or begun.failed else 0


@command.command(examples=("qwenq schedule tick",))
@option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]), metavar="TIME",
        help="Act as if it were this time: 2026-11-23T02:00+01:00. What is due by then runs once.")  # fmt: skip
@json_option
def tick(at: datetime | None, as_json: bool) -> int:
    """Do once what beat does every few seconds, for your own cron or to try a schedule."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules.ticking import tick_once
    from qwenq.wording.output import print_json, say

    report = tick_once(read_settings(), at)
    print_json(report) if as_json else say(
        f"{report.due} runs came due, {report.steps} steps of runs were done, {report.notices} notices were sent"
    )
    return 0
