"""`qwenq check`: try every setting, and say what is wrong and how to mend it."""

import click

from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option

_MARKS = {"good": ("✓", "green"), "note": ("·", "yellow"), "wrong": ("✗", "red")}


@click.command(name="check", cls=Command, examples=("qwenq check",))
@json_option
def command(as_json: bool) -> int:
    """Try every setting: home folder, store, broker, model, device, Flower's credentials."""
    from qwenq.health.settings import check_settings
    from qwenq.wording.output import print_json, show_marked

    findings = list(check_settings())
    if as_json:
        print_json(findings)
    else:
        for finding in findings:
            mark, colour = _MARKS[finding.verdict]
            show_marked(mark, colour, f"{finding.subject:12} {finding.message}")
    return max(finding.exit_code for finding in findings)
