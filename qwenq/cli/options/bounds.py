"""Options of bounds, for `qwenq tenants` and `qwenq keys`."""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from qwenq.cli.options.shared import option

F = TypeVar("F", bound=Callable[..., Any])
_UNITS = {"": 1, "k": 1_000, "m": 1_000_000, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
          "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}  # fmt: skip
_NUMBER = re.compile(r"([0-9]{1,15}) ?([A-Za-z]{0,3})")
_MOST = 2**62
DEFAULT = "default"
OFF = "off"

BOUND_HELP = {
    "requests_per_minute": "The most requests in a minute",
    "requests_per_hour": "The most requests in an hour",
    "open_batches": "The most batches that have not ended",
    "waiting_documents": "The most documents that wait for an answer",
    "stored_bytes": "The most bytes of all files",
    "tokens_per_day": "The most tokens of prompts and answers in a day (UTC)",
    "tokens_per_month": "The most tokens of prompts and answers in a month (UTC)",
    "document_chars": "The most characters of a document",
    "max_tokens": "The most tokens that a request may ask for",
    "batch_lines": "The most lines of a batch",
    "batch_bytes": "The most bytes of a batch's file",
}


class Bound(click.ParamType[Any]):
    """A number, with a unit such as k, M or GiB if wanted; off; or the default."""

    name = "bound"

    def __init__(self, *, of_tenant: bool) -> None:
        self._of_tenant = of_tenant

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a bound: a number, None for off, or DEFAULT."""
        text = str(value).strip().lower()
        if text == OFF:
            return OFF
        if text == DEFAULT and self._of_tenant:
            return DEFAULT
        found = _NUMBER.fullmatch(text)
        number = int(found[1]) * _UNITS[found[2]] if found and found[2] in _UNITS else _MOST
        if number >= _MOST:
            words = "off or default" if self._of_tenant else "or off"
            self.fail(f"{value!r} is no bound: say a number, such as 1000, 5M or 10GiB, {words}", param, ctx)
        return number


def bound_options(*, of_tenant: bool) -> Callable[[F], F]:
    """The options of all bounds; of a tenant they may be set back to the default."""

    def decorate(function: F) -> F:
        for name, meaning in reversed(BOUND_HELP.items()):
            flag = f"--{name.replace('_', '-')}"
            more = " `off` or `default`." if of_tenant else " or `off`."
            given = option(
                flag,
                name,
                type=Bound(of_tenant=of_tenant),
                metavar="BOUND",
                help=f"{meaning}: a number,{more}",
            )
            function = given(function)
        return function

    return decorate


def given_bounds(options: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds that options give, by name; None is off."""
    return {
        name: None if options[name] == OFF else options[name]
        for name in BOUND_HELP
        if options.get(name) is not None
    }
