"""Where commands write: sentences for people on stderr, one JSON document on stdout; no control characters."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
import orjson

from qwenq.schemas.log.visible import visible, visible_json, visible_line

if TYPE_CHECKING:  # `qwenq --help` must be quick
    from pydantic import BaseModel


def say(text: str) -> None:
    """Write a sentence to stderr, so that stdout holds only what was asked for."""
    click.echo(visible_line(text), err=True)


def show(line: str, *, bold: bool = False) -> None:
    """Write a line for a person to stdout."""
    click.secho(visible_line(line), bold=bold)


def show_text(text: str) -> None:
    """Write a text of any number of lines for a person to stdout."""
    click.echo(visible(text))


def show_marked(mark: str, colour: str, line: str) -> None:
    """Write a line with a coloured mark for a person to stdout."""
    click.echo(f"{click.style(mark, fg=colour)} {visible_line(line)}")


def print_json(value: "BaseModel | Sequence[BaseModel]") -> None:
    """Print one JSON document on stdout: an object, or an array of them."""
    plain = (
        [one.model_dump(mode="json") for one in value]
        if isinstance(value, Sequence)
        else value.model_dump(mode="json")
    )
    print_plain_json(plain)


def print_plain_json(value: Any) -> None:
    """Print a value of JSON's own types as one document on stdout."""
    click.echo(json_for_stdout(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()))


def json_for_stdout(text: str) -> str:
    """JSON as it is for programs; on a terminal with control characters as escapes, which is the same JSON."""
    return visible_json(text) if sys.stdout.isatty() else text


def is_terminal() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty()
