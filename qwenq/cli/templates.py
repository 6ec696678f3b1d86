"""`qwenq templates`: the built-in prompts."""

import click

from qwenq.cli.options import json_option


@click.command(name="templates")
@click.argument("name", required=False)
@json_option
def command(name: str | None, as_json: bool) -> int:
    """List the built-in prompts; with NAME, show one."""
    import dataclasses

    import orjson

    from schemas.builtin_templates import builtin_template, builtin_templates

    found = (builtin_template(name),) if name else builtin_templates()
    if as_json:
        value = [dataclasses.asdict(template) for template in found]
        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
        return 0
    for template in found:
        if name:
            click.echo(template.text)
        else:
            click.echo(f"{template.name:13} {template.description}\n{'':13} {template.columns}")
    return 0
