"""Options that several commands share, and the rule by which the environment sets each of them too."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from qwenq.cli.options.completion import complete_models
from qwenq.cli.options.sections import twin_of

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, twin: str | None = None, **attributes: Any) -> Callable[[F], F]:
    """A click option that an environment variable sets too: QWENQ_MAX_NEW_TOKENS for `--max-new-tokens`.

    --help states this rule once, and names a variable that has another name (`twin`).
    """
    return click.option(*names, envvar=twin or twin_of(names), show_envvar=twin is not None, **attributes)


json_option = option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")

model_option = option("--model", metavar="MODEL", shell_complete=complete_models,
                      help="The model: a hub id, also id@commit, or a folder.")  # fmt: skip

LOADING = ("device", "dtype", "quantize")

_LOADING_OPTIONS = (
    option("--device", help="The device: auto, cpu, cuda, cuda:1, mps or xpu [default: auto]."),
    option("--dtype", help="The number format: auto, float32, bfloat16 or float16 [default: auto]."),
    option("--quantize", help="Load the weights in fewer bits: none, 8bit or 4bit [default: none]."),
)


def loading_options(function: F) -> F:
    """Add the options of loading a model, for `worker`, `run` and `up`. LOADING names their settings."""
    for decorate in reversed(_LOADING_OPTIONS):
        function = decorate(function)
    return function
