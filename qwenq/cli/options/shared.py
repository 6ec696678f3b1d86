"""Options that several commands share. Each names its environment variable in --help."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def option(*names: str, twin: str | None = None, **attributes: Any) -> Callable[[F], F]:
    """A click option that an environment variable sets too: QWENQ_MAX_NEW_TOKENS for `--max-new-tokens`."""
    long_name = next(name for name in names if name.startswith("--")).partition("/")[0]
    twin = twin or "QWENQ_" + long_name.removeprefix("--").replace("-", "_").upper()
    return click.option(*names, envvar=twin, show_envvar=True, **attributes)


json_option = option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout.")

model_option = option("--model", metavar="MODEL", help="The model: a hub id, also id@commit, or a folder.")

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
