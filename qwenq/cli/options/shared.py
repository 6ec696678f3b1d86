"""Options that several commands share. Each names its environment twin in --help."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, twin: str | None = None, **attributes: Any) -> Callable[[F], F]:
    """A click option with its environment twin: `--max-new-tokens` is also QWENQ_MAX_NEW_TOKENS."""
    long_name = next(name for name in names if name.startswith("--")).partition("/")[0]
    twin = twin or "QWENQ_" + long_name.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=twin, show_envvar=True, **attributes)


json_option = option("--json", "as_json", is_flag=True, help="Tell it as one JSON document on stdout.")

model_option = option("--model", metavar="MODEL", help="A hub id or a folder.")

LOADING = ("device", "dtype", "quantize")

_LOADING_OPTIONS = (
    option("--device", help="auto, cpu, cuda, cuda:1, mps, xpu [default: auto]."),
    option("--dtype", help="auto, float32, bfloat16, float16 [default: auto]."),
    option("--quantize", help="none, 8bit, 4bit: load the weights in fewer bits [default: none]."),
)


def loading_options(function: F) -> F:
    """The options that say how a model is loaded: for `worker`, `run` and `up`. LOADING names their settings."""
    for decorate in reversed(_LOADING_OPTIONS):
        function = decorate(function)
    return function
