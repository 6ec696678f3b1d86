"""`qwenq schedule`: run jobs by the clock."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from qwenq.cli.options.completion import complete_files, complete_schedules
from qwenq.cli.options.files import style_options
from qwenq.cli.options.job import notify_option, spec_options
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import F, json_option, option
from qwenq.cli.schedule_runs import deliver, run, tick
from qwenq.schemas.schedules import CatchUp, Overlap

if TYPE_CHECKING:
    from qwenq.schedules.commands import Added


@click.group(name="schedule", cls=Group)
def command() -> None:
    """Submit jobs by the clock and deliver their answers. `qwenq beat` does the work; `qwenq up` includes one."""


def _schedule_options(*, required: bool) -> Callable[[F], F]:
    """Options that describe a schedule, for `add` and `edit`."""
    options = (
        option("--cron", required=required, metavar="LINE",
               help='The cron line: "0 2 * * *" is 2 o\'clock each night.'),
        option("--tz", default="UTC", show_default=True, metavar="ZONE",
               help="The time zone, such as Europe/Warsaw."),
        option("--input", "inputs", multiple=True, required=required, metavar="INPUT", shell_complete=complete_files,
               help="A file, pattern, folder or URL, looked up at each run; may be repeated."),
        option("-o", "--output", required=required, metavar="PATTERN", shell_complete=complete_files,
               help="Where to write the answers of a run; may hold {schedule}, {date}, {time}, {run}, {job}."),
        option("--errors", metavar="PATTERN", shell_complete=complete_files,
               help="Where to write its errors [default: --output with the ending .errors.jsonl]."),
        style_options,
        option("--catch-up", type=click.Choice(tuple(map(str, CatchUp))), default=str(CatchUp.LAST),
               show_default=True, help="Which of the due times that passed without a beat still run."),
        option("--overlap", type=click.Choice(tuple(map(str, Overlap))), default=str(Overlap.SKIP),
               show_default=True, help="What happens to a run that comes due while an earlier one is unfinished."),
        notify_option,
        option("--on-failure-rate", type=click.FloatRange(0, 1), metavar="SHARE",
               help="The share of failed documents above which a run counts as failed: 0.05 is one in twenty."),
        spec_options,
    )  # fmt: skip

    def decorated(function: F) -> F:
        for decorate in reversed(options):
            function = decorate(function)
        return function

    return decorated


@command.command(
    examples=(
        "qwenq schedule add nightly --cron '0 2 * * *' --tz Europe/Warsaw --input 'inbox/*.csv' \\",
        "    --model Qwen/Qwen3-8B --prompt 'Summarise: {{ text }}' -o 'out/{date}.csv'",
    )
)
@click.argument("name")
@_schedule_options(required=True)
@json_option
def add(name: str, cron: str, tz: str, inputs: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Add a schedule called NAME. Each run is a job, and reuses the answers of earlier runs."""
    from qwenq.cli.options.requests import read_request
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schemas.schedules import RunPolicy
    from qwenq.store.database.opening import is_absent
    from qwenq.store.database.store import shown_address
    from qwenq.wording.output import say
    from qwenq.wording.workers import new_store

    settings = read_settings(model=options.pop("model"))
    policy = RunPolicy(**{field: options.pop(field) for field in RunPolicy.model_fields})
    is_new = is_absent(settings)
    added = commands.add(name, (cron, tz), read_request(inputs, options), policy, settings)
    if is_new:
        say(new_store(shown_address(settings)))
    _show_added(added, as_json)
    return 0


@command.command(examples=("qwenq schedule edit nightly --cron '0 3 * * *' --unset errors",))
@click.argument("name", shell_complete=complete_schedules)
@_schedule_options(required=False)
@option("--unset", multiple=True, metavar="OPTION",
        help="Give this option its default again, as in --unset errors; may be repeated.")  # fmt: skip
@json_option
@click.pass_context
def edit(context: click.Context, /, name: str, unset: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Change some options of schedule NAME. The others stay, and so does the record of its runs.

    Only options on the command line change it, not their variables in the environment. A run that has begun goes on as
    it began.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands

    given = {
        option: value
        for option, value in options.items()
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE
    }
    _show_added(commands.edit(name, given, _named(context, unset), read_settings()), as_json)
    return 0


def _named(context: click.Context, options: Sequence[str]) -> list[str]:
    """The parameters of the command that these options set: `format` or `--format` is `format_`."""
    known = {
        opt.removeprefix("--"): parameter.name or ""
        for parameter in context.command.params
        for opt in parameter.opts
        if opt.startswith("--") and parameter.name not in ("unset", "as_json")
    }
    wrong = [one for one in options if one.removeprefix("--") not in known]
    if wrong:
        raise click.UsageError(f"--unset {wrong[0]}: there is no such option of a schedule")
    return [known[one.removeprefix("--")] for one in options]


def _show_added(added: "Added", as_json: bool) -> None:
    from qwenq.schedules.tables import next_due
    from qwenq.wording.output import print_json, say

    for warning in added.warnings:
        say(warning)
    schedule = added.schedule
    print_json(schedule) if as_json else say(f"schedule {schedule.name} is due {next_due(schedule)}")


@command.command(name="list", examples=("qwenq schedule list",))
@json_option
def list_(as_json: bool) -> int:
    """Show all schedules, their next due times and their last runs."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules.commands import all_schedules
    from qwenq.schedules.tables import show_schedules
    from qwenq.schemas.errors import NoStoreHere
    from qwenq.store.database.store import shown_address
    from qwenq.wording.output import print_json, print_plain_json, say

    settings = read_settings()
    try:
        found = all_schedules(settings)
    except NoStoreHere as absent:
        say(str(absent))
        if as_json:
            print_plain_json([])
        return 0
    print_json(found) if as_json else show_schedules(found, shown_address(settings))
    return 0


@command.command(examples=("qwenq schedule show nightly",))
@click.argument("name", shell_complete=complete_schedules)
@option(
    "--limit",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many runs to show, newest first.",
)
@json_option
def show(name: str, limit: int, as_json: bool) -> int:
    """Show all that schedule NAME submits, and its newest runs; also of a removed one."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.schedules.tables import show_schedule
    from qwenq.wording.output import print_json

    report = commands.show(name, read_settings(), limit)
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
    """Remove schedule NAME. The record of its runs, their jobs and answers stay, until `qwenq db prune`."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules import commands
    from qwenq.wording.output import print_json, say

    removed = commands.remove(name, read_settings())
    sentence = f"schedule {name} is removed; `qwenq schedule show {name}` still shows its runs"
    print_json(removed) if as_json else say(sentence)
    return 0


@command.command(examples=("qwenq schedule costs --gpu-hour-price 2.50",))
@click.argument("name", required=False, shell_complete=complete_schedules)
@option("--gpu-hour-price", type=click.FloatRange(0), metavar="PRICE",
        help="The price of one device for an hour; the table then shows the cost.")  # fmt: skip
@option("--currency", default="USD", show_default=True, metavar="NAME", help="The currency of the price.")
@json_option
def costs(name: str | None, gpu_hour_price: float | None, currency: str, as_json: bool) -> int:
    """Show what the runs of schedule NAME, or of all, took in each month: documents, tokens, device time, cost."""
    from qwenq.cli.options.settings import read_settings
    from qwenq.schedules.months import months_of
    from qwenq.schedules.tables import show_months
    from qwenq.wording.output import print_json

    months = months_of(read_settings(), name, gpu_hour_price)
    print_json(months) if as_json else show_months(months, currency)
    return 0


for _command in (run, deliver, tick):
    command.add_command(_command)
