"""`qwenq templates`: prompts by name, built in or saved."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwenq.cli.options.completion import complete_templates
from qwenq.cli.options.sections import Group
from qwenq.cli.options.shared import json_option, option

if TYPE_CHECKING:
    from qwenq.schemas.templates.saved import SavedTemplate


@click.group(name="templates", cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> int:
    """List the prompts that --template takes by name: the built-in ones, and those that were saved here."""
    import dataclasses

    from qwenq.actions.templates import saved_templates
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.templates.builtin import builtin_templates
    from qwenq.wording.output import print_plain_json, show

    if context.invoked_subcommand is not None:
        return 0
    saved = saved_templates(read_settings())
    if as_json:
        built_in = [dataclasses.asdict(template) for template in builtin_templates()]
        print_plain_json([*built_in, *map(_as_json, saved)])
        return 0
    for template in builtin_templates():
        show(f"{template.name:13} {template.description}")
        show(f"{'':13} {template.columns}")
    for one in saved:
        show(f"{one.name:13} {_saved(one)}")
    return 0


@command.command(name="show", examples=("qwenq templates show classify", "qwenq templates show triage@2"))
@click.argument("name", metavar="NAME[@VERSION]", shell_complete=complete_templates)
@option("--merge", is_flag=True, help="Show the prompt that merges the answers to a document's parts.")
@json_option
def show_command(name: str, merge: bool, as_json: bool) -> int:
    """Show a prompt. Of a saved one, the newest version, and a line for each version there is."""
    from qwenq.actions.templates import find_template, saved_versions
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.errors import InvalidParameter
    from qwenq.schemas.templates.saved import name_and_version
    from qwenq.wording.output import print_plain_json, say, show_text

    settings = read_settings()
    found = find_template(name, settings)
    if merge and found.merge is None:
        raise InvalidParameter(name="--merge", reason=f"the template {name} has no merge prompt")
    versions = saved_versions(name_and_version(name)[0], settings)
    if as_json:
        shown = {"label": found.label, "text": found.text, "merge": found.merge}
        print_plain_json({**shown, "versions": list(map(_as_json, versions))})
        return 0
    show_text(found.merge if merge and found.merge is not None else found.text)
    for one in versions:
        say(f"{one.name} {_saved(one)}")
    return 0


@command.command(examples=("qwenq templates save triage --prompt-file triage.j2",))
@click.argument("name")
@option("--prompt", metavar="TEXT", help="The Jinja2 prompt.")
@option("--prompt-file", type=click.Path(path_type=Path), help="A file with the prompt.")
@option(
    "--merge-prompt",
    metavar="TEXT",
    help="The prompt that merges the answers to the parts of a long document.",
)
@option("--merge-prompt-file", type=click.Path(path_type=Path), help="A file with such a prompt.")
def save(
    name: str,
    prompt: str | None,
    prompt_file: Path | None,
    merge_prompt: str | None,
    merge_prompt_file: Path | None,
) -> int:
    """Save a prompt as NAME, for --template NAME. Saving it again makes the next version; each job keeps its own."""
    from qwenq.actions.request import text_of
    from qwenq.actions.templates import save_template
    from qwenq.cli.options.settings import read_settings
    from qwenq.schemas.errors import InvalidParameter
    from qwenq.wording.output import say

    if (prompt is None) == (prompt_file is None):
        raise InvalidParameter(name="--prompt, --prompt-file", reason="give one of them")
    if merge_prompt is not None and merge_prompt_file is not None:
        raise InvalidParameter(
            name="--merge-prompt, --merge-prompt-file", reason="give one of them, not both"
        )
    text = prompt if prompt_file is None else text_of(prompt_file)
    merge = merge_prompt if merge_prompt_file is None else text_of(merge_prompt_file)
    saved = save_template(name, text or "", merge, read_settings())
    if not saved.is_new:
        say(f"{saved.template.label}, is the same already: nothing was saved")
    click.echo(f"{saved.template.name}@{saved.template.version}")
    return 0


def _saved(one: "SavedTemplate") -> str:
    from qwenq.wording.numbers import moment

    return f"version {one.version}, saved {moment(one.saved_at)} by {one.saved_by or 'nobody known'}"


def _as_json(one: "SavedTemplate") -> "dict[str, object]":
    import dataclasses

    return {**dataclasses.asdict(one), "saved_at": one.saved_at.isoformat()}
