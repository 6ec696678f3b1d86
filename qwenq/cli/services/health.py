"""`qwenq health`: check services, workers and machine, and say what to do."""

import click

from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

_MARKS = {
    "healthy": ("✓", "green"),
    "unknown": ("?", "yellow"),
    "degraded": ("!", "yellow"),
    "unhealthy": ("✗", "red"),
}


@click.command(name="health", cls=Command, examples=("qwenq health", "qwenq health --only workers"))
@option("--only", multiple=True, metavar="CHECK", help="Show this check only; may be repeated.")
@json_option
def command(only: tuple[str, ...], as_json: bool) -> int:
    """Check services, workers, stranded work, schedules, memory and disk, and say what to do. Changes nothing.

    Exit code: 0 healthy, 1 degraded, 2 unhealthy. Takes seconds, even when services do not answer.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.health.examining import examine
    from qwenq.schemas.views.health import Health
    from qwenq.wording.output import print_json, show, show_marked

    health = examine(read_settings())
    if only:
        chosen = tuple(check for check in health.checks if check.name in only)
        if unknown := set(only) - {check.name for check in chosen}:
            known = ", ".join(check.name for check in health.checks)
            raise click.UsageError(f"--only {', '.join(sorted(unknown))}: the checks are {known}")
        health = Health(checks=chosen)
    if as_json:
        print_json(health)
        return health.exit_code
    for check in health.checks:
        mark, colour = _MARKS[check.state]
        show_marked(mark, colour, f"{check.name:14} {check.message}")
        if check.recommendation:
            show(f"  {'':14} → {check.recommendation}")
    show(health.state)
    return health.exit_code
