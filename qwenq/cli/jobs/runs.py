"""`qwenq runs`: show what interrupted `qwenq run`s left, and how to go on."""

from shlex import quote
from typing import TYPE_CHECKING

import click

from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option

if TYPE_CHECKING:
    from qwenq.embedded.interrupted import KeptOneShot


@click.command(name="runs", cls=Command, examples=("qwenq runs",))
@json_option
def command(as_json: bool) -> int:
    """Show the `qwenq run`s that were interrupted, and how to go on with each. Changes nothing.

    The same command over the same contents goes on; then its answers are written and nothing is left here.
    `qwenq db prune --older-than 7d --yes` removes what nobody wants any more.
    """
    from qwenq.cli.options.settings import read_settings
    from qwenq.embedded.interrupted import kept_one_shots
    from qwenq.wording.output import print_json, say

    found = kept_one_shots(read_settings())
    if as_json:
        print_json(found)
    elif not found:
        say("no `qwenq run` was interrupted here")
    else:
        for one in found:
            _show(one)
    return 0


def _show(one: "KeptOneShot") -> None:
    from qwenq.wording.numbers import age, size
    from qwenq.wording.output import show

    state = "runs now" if one.running else f"interrupted {age(one.last_used)} ago"
    show(f"{one.id}  {state}, {_how_far(one)}, {size(one.bytes)}", bold=True)
    if one.command is not None:
        show(f"  go on    cd {quote(one.command_folder or '.')} && {one.command}")
    if one.job is not None and not one.running:
        show(f"  answers  QWENQ_HOME={quote(one.home)} qwenq results {one.job.id} -o FILE")


def _how_far(one: "KeptOneShot") -> str:
    from qwenq.wording.numbers import counted, number

    if one.unreadable is not None:
        return one.unreadable
    if one.job is None:
        return "no document is stored"
    return f"{number(one.job.documents.done)} of {counted(one.job.documents.total, 'document')}"
