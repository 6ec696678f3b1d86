"""The options that describe a job, for `run`, `submit` and `schedule add`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from qwenq.cli.options.completion import complete_templates
from qwenq.cli.options.shared import F, model_option, option
from qwenq.producer.reading import Format
from qwenq.schemas.generation import Overflow, Sampling
from qwenq.schemas.jobs import Priority


class _StopString(click.types.StringParamType):
    """A stop string. From the environment there is only one, which is not split at spaces."""

    envvar_list_splitter = "\0"


class _Value(click.ParamType[Any]):
    """A value for a prompt, `NAME=VALUE`. From the environment there is only one, which is not split at spaces."""

    name = "name=value"
    envvar_list_splitter = "\0"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split it. A tuple is returned as it is: click converts defaults twice."""
        if isinstance(value, tuple):
            return value
        name, is_given, text = str(value).partition("=")
        if not is_given:
            self.fail(f"{value!r} has no =: give NAME=VALUE, such as language=German", param, ctx)
        return name.strip(), text


def _values(
    context: click.Context, parameter: click.Parameter, given: tuple[tuple[str, str], ...]
) -> dict[str, str] | None:
    """The values by name. One that is given twice is refused: the first would be lost."""
    names = [name for name, _ in given]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise click.BadParameter(f"{twice} is given twice", context, parameter)
    return dict(given) or None


_SPEC_OPTIONS = (
    model_option,
    option("--template", metavar="NAME", shell_complete=complete_templates,
           help="A prompt by its name, built in or saved, also NAME@VERSION; `qwenq templates` lists them."),
    option("--prompt", metavar="TEXT",
           help="A Jinja2 prompt over the document's columns, such as 'Summarise: {{ text }}'."),
    option("--prompt-file", type=click.Path(path_type=Path), help="A file with such a prompt."),
    option("--var", "values", multiple=True, type=_Value(), callback=_values, metavar="NAME=VALUE",
           help="A value that the prompt uses by this name, for all documents alike, such as labels=spam,ham; may be "
           "repeated."),
    option("--system", metavar="TEXT", help="The system message."),
    option("--text-column", metavar="NAME", default="text", show_default=True, help="The column with the text."),
    option("--id-column", metavar="NAME", default="id", show_default=True, help="The column with the id."),
    option("--format", "format_", type=click.Choice(tuple(map(str, Format))),
           help="The input's format, if its name does not show it."),
    option("--sheet", metavar="NAME",
           help="The sheet of a spreadsheet, or all [default: the first that is not hidden]."),
    option("--delimiter", metavar="CHAR",
           help="What cuts the columns of CSV and TSV files: one character, or tab [default: found out]."),
    option("--encoding", metavar="NAME",
           help="The encoding of CSV, TSV, text and HTML files, such as cp1252 or utf-16 "
           "[default: found out]."),
    option("--header/--no-header", default=None,
           help="Whether CSV and TSV files have a header; without one, the columns are column1, column2 and so on "
           "[default: header, unless the first line looks like none]."),
    option("--skip-rows", type=int, metavar="N", default=0, show_default=True,
           help="Skip this many lines above the header of CSV and TSV files."),
    option("--columns", metavar="A,B|all",
           help="The columns of Parquet files to read, beside the id [default: those that the prompt names]."),
    option("--follow-links", is_flag=True,
           help="Read links in folders and patterns even if they lead elsewhere, and look into linked folders."),
    option("--allow-partial", is_flag=True,
           help="Read a PDF whose scanned or garbled pages cannot be read without these; its text says so."),
    option("--priority", type=click.Choice(tuple(map(str, Priority))), default=str(Priority.NORMAL), show_default=True,
           help="Jobs of higher priority go first."),
    option("--max-new-tokens", type=int, help="The longest answer, in tokens [default: 512]."),
    option("--sampling", type=click.Choice(tuple(map(str, Sampling))),
           help="Where the sampling parameters that are not given come from: greedy takes the likeliest token, model "
           "the generation_config.json of the model, card what the model's card advises [default: greedy]."),
    option("--temperature", type=float, help="The sampling temperature; 0 is greedy [default: as --sampling]."),
    option("--top-p", type=float,
           help="Sample from the likeliest tokens that have this probability together [default: as --sampling]."),
    option("--top-k", type=int, help="Sample from this many likeliest tokens; 0 means all [default: as --sampling]."),
    option("--min-p", type=float,
           help="Sample from tokens with at least this share of the likeliest token's probability [default: as "
           "--sampling]."),
    option("--repetition-penalty", type=float,
           help="Above 1, tokens of the prompt and the answer become less likely [default: as --sampling]."),
    option("--presence-penalty", type=float,
           help="Above 0, tokens of the answer become less likely; -2 to 2 [default: as --sampling]."),
    option("--frequency-penalty", type=float,
           help="Above 0, tokens of the answer become less likely with each occurrence; -2 to 2 [default: 0]."),
    option("--seed", type=int, help="The seed of sampling [default: drawn once a job]."),
    option("--stop", multiple=True, type=_StopString(), metavar="TEXT",
           help="End the answer before this text; may be repeated."),
    option("--thinking/--no-thinking", default=None, help="Let the model reason first [default: no-thinking]."),
    option("--thinking-budget", type=int, metavar="TOKENS",
           help="End the reasoning after this many tokens and let the model answer [default: no limit]."),
    option("--thinking-closing", metavar="TEXT",
           help="What the model's reasoning says last when its budget is used up; may be empty [default: the "
           "sentence of Qwen3]."),
    option("--require-answer", is_flag=True, default=None,
           help="An answer without text, such as one whose reasoning was cut, fails with the code no_answer."),
    option("--response-format", type=click.Choice(("text", "json_object")),
           help="json_object makes every answer one JSON object [default: text]."),
    option("--json-schema", type=click.Path(path_type=Path), metavar="FILE",
           help="Make every answer valid for the JSON schema in this file."),
    option("--on-overflow", type=click.Choice(tuple(map(str, Overflow))),
           help="What to do with a document that exceeds the model's context: split cuts it, answers each part "
           "and merges the answers [default: fail]."),
    option("--merge-prompt", metavar="TEXT",
           help="With --on-overflow split, a Jinja2 prompt over `parts`, the answers to a document's parts [default: "
           "that of --template]."),
    option("--merge-prompt-file", type=click.Path(path_type=Path), help="A file with such a prompt."),
)  # fmt: skip


_ONCE_OPTIONS = (
    option("--name", metavar="NAME", help="The job's name [default: the first file's name]."),
    option("--reuse", is_flag=True,
           help="Reuse the answers of earlier jobs with --reuse to identical documents, without generating."),
    option("--mixed-weights", is_flag=True,
           help="Let other weights of the model go on with the job, as when its folder or branch changes meanwhile; "
           "otherwise `run` begins anew, and a worker pauses the job."),
    option("--dry-run", is_flag=True,
           help="Show the first prompts, what would fail, and the tokens and time it would take; store nothing."),
    option("--gpu-hour-price", type=click.FloatRange(0), metavar="PRICE",
           help="With --dry-run, the price of one device for an hour: also show the cost."),
)  # fmt: skip


notify_option = option(
    "--notify", multiple=True, metavar="URL",
    help="Where to send a notice of the end; may be repeated: https://… gets JSON, slack:https://… and "
    "teams:https://… a message, mailto:ann@example.org a mail. `qwenq beat` sends it.",
)  # fmt: skip


def job_options(function: F) -> F:
    """Add the options that describe a job, for `run` and `submit`."""
    return _decorated(function, (*_SPEC_OPTIONS, *_ONCE_OPTIONS))


def spec_options(function: F) -> F:
    """Add those of them that can describe many jobs, for `schedule add`."""
    return _decorated(function, _SPEC_OPTIONS)


def _decorated(function: F, options: Sequence[Callable[[F], F]]) -> F:
    for decorate in reversed(options):
        function = decorate(function)
    return function
