"""Where commands write: sentences for people on stderr, one JSON document on stdout."""

import sys
from collections.abc import Sequence

import click
import orjson
from pydantic import BaseModel


def say(text: str) -> None:
    """Write a sentence to stderr, so that stdout holds only what was asked for."""
    click.echo(text, err=True)


def print_json(value: BaseModel | Sequence[BaseModel]) -> None:
    """Print one JSON document on stdout: an object, or an array of them."""
    plain = (
        value.model_dump(mode="json")
        if isinstance(value, BaseModel)
        else [one.model_dump(mode="json") for one in value]
    )
    click.echo(orjson.dumps(plain, option=orjson.OPT_INDENT_2).decode())


def is_terminal() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty()
