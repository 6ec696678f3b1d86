"""The options that say what a job is: for `run`, `submit` and `schedule add`."""

from collections.abc import Callable, Sequence
from pathlib import Path

import click

from qwenq.cli.options.shared import F, model_option, option
from qwenq.producer.reading import Format
from qwenq.schemas.generation import Overflow
from qwenq.schemas.jobs import Priority


class _StopString(click.types.StringParamType):
    """Text that is kept whole when it comes from the environment: there, one stop string can be given."""

    envvar_list_splitter = "\0"


_SPEC_OPTIONS = (
    model_option,
    option("--template", metavar="NAME", help="A built-in prompt; `qwenq templates` lists them."),
    option("--prompt", metavar="TEXT", help="A Jinja2 prompt over the document's columns: 'Summarise: {{ text }}'."),
    option("--prompt-file", type=click.Path(path_type=Path), help="The same, from a file."),
    option("--system", metavar="TEXT", help="The system message."),
    option("--text-column", metavar="NAME", default="text", show_default=True, help="The column with the text."),
    option("--id-column", metavar="NAME", default="id", show_default=True, help="The column with the id."),
    option("--format", "format_", type=click.Choice(tuple(map(str, Format))),
           help="The input's format, where its name does not tell."),
    option("--sheet", metavar="NAME", help="The sheet of a spreadsheet [default: the first that is not hidden]."),
    option("--priority", type=click.Choice(tuple(map(str, Priority))), default=str(Priority.NORMAL), show_default=True,
           help="Which jobs go first when several wait."),
    option("--max-new-tokens", type=int, help="The longest answer, in tokens [default: 512]."),
    option("--temperature", type=float, help="0 is greedy [default: 0]."),
    option("--top-p", type=float, help="Sample from the likeliest tokens of this total probability [default: 1]."),
    option("--top-k", type=int, help="Sample from this many tokens; 0 keeps all [default: 0]."),
    option("--min-p", type=float,
           help="Sample from tokens at least this share as likely as the likeliest [default: 0]."),
    option("--repetition-penalty", type=float,
           help="Above 1, tokens that the prompt or the answer holds become less likely [default: 1]."),
    option("--presence-penalty", type=float,
           help="Above 0, tokens that the answer holds become less likely; -2 to 2 [default: 0]."),
    option("--frequency-penalty", type=float,
           help="The same, for each time that it holds them; -2 to 2 [default: 0]."),
    option("--seed", type=int, help="For sampling; drawn once a job when not given."),
    option("--stop", multiple=True, type=_StopString(), metavar="TEXT",
           help="End the answer before this text; may be repeated."),
    option("--thinking/--no-thinking", default=None, help="Let the model reason first [default: no-thinking]."),
    option("--thinking-budget", type=int, metavar="TOKENS",
           help="Close the reasoning after this many tokens and let the model answer [default: no limit]."),
    option("--response-format", type=click.Choice(("text", "json_object")),
           help="json_object holds every answer to one JSON object [default: text]."),
    option("--json-schema", type=click.Path(path_type=Path), metavar="FILE",
           help="Hold every answer to the JSON schema in this file."),
    option("--on-overflow", type=click.Choice(tuple(map(str, Overflow))),
           help="What to do with a document that exceeds the model's context: split cuts it, answers each part, "
           "and merges the answers [default: fail]."),
    option("--merge-prompt", metavar="TEXT",
           help="With --on-overflow split, a Jinja2 prompt over `parts`, the answers to a document's parts [default: "
           "that of --template]."),
    option("--merge-prompt-file", type=click.Path(path_type=Path), help="The same, from a file."),
)  # fmt: skip


_ONCE_OPTIONS = (
    option("--name", metavar="NAME", help="What the job is called (default: the first file's name)."),
    option("--reuse", is_flag=True,
           help="Answer documents from earlier identical ones of jobs with --reuse, without generating."),
    option("--dry-run", is_flag=True, help="Show the first prompts and an estimate of tokens; store nothing."),
)  # fmt: skip


def job_options(function: F) -> F:
    """The options that say what a job is: for `run` and `submit`."""
    return _decorated(function, (*_SPEC_OPTIONS, *_ONCE_OPTIONS))


def spec_options(function: F) -> F:
    """Those of them that may be said of many jobs: for `schedule add`."""
    return _decorated(function, _SPEC_OPTIONS)


def _decorated(function: F, options: Sequence[Callable[[F], F]]) -> F:
    for decorate in reversed(options):
        function = decorate(function)
    return function
