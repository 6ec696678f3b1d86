"""The help of a command: examples first, then its options in sections, those that a newcomer needs first."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

SECTIONS = {
    "Needed first": ("--cron", "--tz", "--input", "--model", "--prompt", "-o", "--dry-run"),
    "Input": (
        "--text-column", "--id-column", "--format", "--sheet", "--delimiter", "--encoding", "--header", "--skip-rows",
        "--columns", "--follow-links", "--allow-partial",
    ),
    "Prompt": (
        "--template", "--prompt-file", "--var", "--system", "--on-overflow", "--merge-prompt", "--merge-prompt-file",
    ),
    "Answer": (
        "--max-new-tokens", "--json-schema", "--response-format", "--stop", "--thinking", "--thinking-budget",
        "--thinking-closing", "--require-answer",
        "--sampling", "--temperature", "--top-p", "--top-k", "--min-p", "--repetition-penalty", "--presence-penalty",
        "--frequency-penalty", "--seed",
    ),
    "Output": ("--errors", "--output-format", "--keep-columns", "--csv-safe", "--bom"),
}  # fmt: skip
"""The sections of commands that describe a job, and the first names of their options, in the order of the help."""
_LAST = "Running"


class Command(click.Command):
    """A command whose help has examples (lines for a shell), and sections if it describes a job."""

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.examples = tuple(examples)

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the text, then the examples."""
        super().format_help_text(ctx, formatter)
        if self.examples:
            with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
                for line in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections that have options."""
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        for title, members in sections_of(options):
            records = [record for one in members if (record := one.get_help_record(ctx))]
            with formatter.section(title):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the rule of the twins, with one of this command's options, and the epilog if there is one."""
        ruled = [one for one in self.params if isinstance(one, click.Option) and follows_rule(one)]
        if ruled:
            example = next((one for one in ruled if one.name == "model"), ruled[0])
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text(
                    f"In the environment, {example.envvar} sets {long_name(example.opts)}, and so on for each option; "
                    "the command line goes before it."
                )
        super().format_epilog(ctx, formatter)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


def sections_of(options: Sequence[click.Option]) -> Iterator[tuple[str, Sequence[click.Option]]]:
    """Sort the options of a command into its sections. A command that describes no job has only one."""
    by_name = {one.opts[0]: one for one in options}
    if "--prompt" not in by_name:
        yield "Options", options
        return
    for title, names in SECTIONS.items():
        if members := [by_name.pop(name) for name in names if name in by_name]:
            yield title, members
    yield _LAST, list(by_name.values())


def follows_rule(option: click.Option) -> bool:
    """Whether an option's twin in the environment has its name, so that its help need not name it."""
    return option.envvar == twin_of(option.opts)


def twin_of(names: Sequence[str]) -> str:
    """The twin of an option by the rule: QWENQ_MAX_NEW_TOKENS for `--max-new-tokens`."""
    return "QWENQ_" + long_name(names).removeprefix("--").replace("-", "_").upper()


def long_name(names: Sequence[str]) -> str:
    """The long one of an option's names: `--out` of `-o` and `--out`."""
    return next(name for name in names if name.startswith("--")).partition("/")[0]
