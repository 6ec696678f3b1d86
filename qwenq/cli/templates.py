"""`qwenq templates`: the built-in prompts."""

from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_templates
from qwenq.cli.options.sections import Command
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.prompts.builtin import BuiltinTemplate


@click.command(name="templates", cls=Command, examples=("qwenq templates", "qwenq templates classify"))
@click.argument("name", required=False, shell_complete=complete_templates)
@option(
    "--merge", is_flag=True, help="With NAME, show the prompt that merges the answers to a document's parts."
)
@json_option
def command(name: str | None, merge: bool, as_json: bool) -> int:
    """List the built-in prompts; with NAME, show one."""
    import dataclasses

    from qwenq.schemas.prompts.builtin import builtin_template, builtin_templates
    from qwenq.wording.output import print_plain_json

    found = (builtin_template(name),) if name else builtin_templates()
    if as_json:
        value = [dataclasses.asdict(template) for template in found]
        print_plain_json(value)
        return 0
    for template in found:
        if merge:
            click.echo(_merge_prompt(template))
        elif name:
            click.echo(template.text)
        else:
            click.echo(f"{template.name:13} {template.description}\n{'':13} {template.columns}")
    return 0


def _merge_prompt(template: "BuiltinTemplate") -> str:
    from qwenq.schemas.errors import InvalidParameter

    if template.merge is None:
        raise InvalidParameter(name="--merge", reason=f"the template {template.name} has no merge prompt")
    return template.merge
