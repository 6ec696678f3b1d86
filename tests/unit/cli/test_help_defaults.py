"""Every default that --help states is the real one, and every option with a default states it."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest

from qwenq.actions.request import JobRequest
from qwenq.api import submit
from qwenq.cli.group import group
from qwenq.report.facts import ReportOptions
from qwenq.schemas.generation import NEUTRAL, QWEN_CLOSING, GenerationParams
from qwenq.schemas.schedules import RunPolicy
from qwenq.schemas.settings import Settings
from qwenq.worker.engines.transformers.budget import MOST_ROWS, ROWS

NONE_IN_WORDS: dict[str, str | dict[str, str]] = {
    "columns": "those that the prompt names",
    "keep_columns": "none",
    "output_format": "by its ending",
    "batch_rows": f"{MOST_ROWS}; on a CPU {ROWS['cpu']}",
    "batch_tokens": "as free memory allows",
    "thinking_budget": "no limit",
    "seed": "drawn once a job",
    **dict.fromkeys(NEUTRAL, "as --sampling"),
    "name": "the first file's name",
    "delimiter": "found out",
    "encoding": "found out",
    "header": "header, unless the first line looks like none",
    "sheet": "the first that is not hidden",
    "merge_prompt": dict.fromkeys(("run", "submit", "add", "edit"), "that of --template"),
    "history": "none",
    "parts": "none",
    "older_than": "none",
    "tls_key": "the same file",
    "errors": {
        "run": "OUT with the ending .errors.jsonl",
        "results": "OUT with the ending .errors.jsonl; none for stdout",
        "add": "--output with the ending .errors.jsonl",
        "edit": "--output with the ending .errors.jsonl",
    },
    "out": {"results": "JSONL on stdout, unless another file is asked for"},
}
"""What an option's help says for the default None, where it says anything."""


def options() -> Iterator[tuple[str, click.Option]]:
    """Every option with the path of its command."""
    yield from _options_below(group, click.Context(group, info_name="qwenq", **group.context_settings))


def _options_below(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Option]]:
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and parameter.name not in {"help", "version"}:
            yield context.command_path, parameter
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from _options_below(below, click.Context(below, parent=context, info_name=name))


OPTIONS = list(options())
IDS = [f"{path} {option.opts[-1]}" for path, option in OPTIONS]


def stated_default(option: click.Option) -> str | None:
    """The default in an option's help: in the text, or as click adds it."""
    found = re.search(r"\[default: ([^\]]+)\]", option.help or "")
    if found:
        return found[1]
    return str(option.default) if option.show_default else None


def real_default(path: str, option: click.Option) -> Any:
    """The default of the setting or field that the option sets; else the option's own."""
    name = option.name or ""
    if name in GenerationParams.model_fields:
        return GenerationParams().model_dump()[name]
    if name in Settings.model_fields:
        return Settings.model_fields[name].default
    if path == "qwenq report" and name in ReportOptions.model_fields:
        return ReportOptions.model_fields[name].default
    if path in {"qwenq schedule add", "qwenq schedule edit"} and name in RunPolicy.model_fields:
        field = RunPolicy.model_fields[name]
        return None if field.is_required() else field.default
    if name in JobRequest.__dataclass_fields__ and path in {
        "qwenq run",
        "qwenq submit",
        "qwenq schedule add",
        "qwenq schedule edit",
    }:
        return JobRequest.__dataclass_fields__[name].default
    return option.to_info_dict()["default"]


def in_words(path: str, option: click.Option, value: Any) -> str | None:
    """How an option's help must state a default; None: it must not."""
    if value is None:
        words = NONE_IN_WORDS.get(option.name or "")
        return words.get(path.rsplit(maxsplit=1)[-1]) if isinstance(words, dict) else words
    if value == QWEN_CLOSING:
        return "the sentence of Qwen3"
    if isinstance(value, bool):
        return option.secondary_opts[0].removeprefix("--") if option.secondary_opts else None
    if isinstance(value, dict):
        return str(value["type"])
    if value == ():
        return None
    return f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize(("path", "option"), OPTIONS, ids=IDS)
def test_the_default_in_an_options_help_is_the_real_one(path: str, option: click.Option) -> None:
    assert stated_default(option) == in_words(path, option, real_default(path, option))


def test_a_setting_with_a_default_in_words_has_the_same_words_in_help() -> None:
    for path, option in OPTIONS:
        field = Settings.model_fields.get(option.name or "")
        words = re.search(r"\(default: (.+)\)", (field and field.description) or "")
        if words:
            assert stated_default(option) == words[1], path


def test_defaults_are_stated_in_brackets_alone() -> None:
    assert [path for path, option in OPTIONS if "(default" in (option.help or "")] == []


def test_the_python_api_has_the_defaults_of_a_request() -> None:
    fields = JobRequest.__dataclass_fields__
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(submit).parameters.items()
        if name in fields and name not in {"files", "params"}
    }
    assert defaults == {name: fields[name].default for name in defaults}
    assert {"text_column", "id_column", "priority"} <= set(defaults)
