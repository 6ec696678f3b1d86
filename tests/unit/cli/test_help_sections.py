"""Help begins with an example, groups the options of a job, and names each option's twin in the environment alike."""

from collections import defaultdict
from collections.abc import Iterator

import click
import pytest

from qwenq.cli.group import group
from qwenq.cli.options.sections import SECTIONS, follows_rule, long_name, sections_of

OWN_TWIN = {
    *("qwenq report --out", "qwenq flower --address", "qwenq flower --read-only", "qwenq flower --port"),
    *("qwenq serve --address", "qwenq serve --port"),
}
"""QWENQ_OUT is where `run` and `results` write answers; variables of services name the service."""
WITHOUT_TWIN = {"qwenq flower --url", "qwenq flower --hash-password", "qwenq --version"}
"""They print something and end."""


def contexts() -> Iterator[click.Context]:
    """A context for each command that does something."""
    yield from _below(group, click.Context(group, info_name="qwenq", **group.context_settings))


def _below(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    if not isinstance(command, click.Group):
        yield context
        return
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from _below(below, click.Context(below, parent=context, info_name=name))


CONTEXTS = list(contexts())


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_the_help_of_each_command_has_an_example(context: click.Context) -> None:
    told = context.command.get_help(context)
    assert f"\n  {context.command_path}" in told.partition("\nExample")[2]


@pytest.mark.parametrize("name", ["run", "submit", "schedule add"])
def test_every_option_of_a_job_stands_once_in_a_section_and_what_is_needed_first_comes_first(
    name: str,
) -> None:
    context = next(one for one in CONTEXTS if one.command_path == f"qwenq {name}")
    options = [one for one in context.command.get_params(context) if isinstance(one, click.Option)]
    sections = dict(sections_of(options))
    assert [title for title in sections if title != "Running"] == [
        title for title in SECTIONS if title in sections
    ]
    assert sorted(one.opts[0] for members in sections.values() for one in members) == sorted(
        one.opts[0] for one in options
    )
    assert {"--model", "--prompt"} <= {one.opts[0] for one in sections["Needed first"]}
    told = context.command.get_help(context)
    assert told.index("Needed first:") < told.index("Input:") < told.index("Prompt:") < told.index("Answer:")


def test_every_section_names_options_that_exist() -> None:
    known = {one.opts[0] for context in CONTEXTS for one in context.command.params}
    assert {name for names in SECTIONS.values() for name in names} - known == set()


def test_options_that_are_named_alike_have_the_same_twin_which_help_names_if_it_is_named_otherwise() -> None:
    twins = defaultdict(set)
    for context in CONTEXTS:
        for one in context.command.params:
            name = f"{context.command_path} {long_name(one.opts)}" if isinstance(one, click.Option) else ""
            if not isinstance(one, click.Option) or name in WITHOUT_TWIN:
                continue
            assert isinstance(one.envvar, str), name
            assert one.show_envvar != follows_rule(one), name
            if name not in OWN_TWIN:
                twins[long_name(one.opts)].add(one.envvar)
    assert {name: found for name, found in twins.items() if len(found) > 1} == {}


def test_the_help_of_a_command_states_the_rule_of_the_twins() -> None:
    context = next(one for one in CONTEXTS if one.command_path == "qwenq run")
    assert "QWENQ_MODEL sets --model" in " ".join(context.command.get_help(context).split())
