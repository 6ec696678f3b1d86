"""Comparisons and tests (`x is odd`) that a template may use; each charges the sizes of what it compares."""

from collections.abc import Callable
from functools import wraps
from numbers import Number
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext, Undefined
from jinja2.tests import TESTS as OF_JINJA

from qwenq.schemas.prompts.budget import budget

# `%` of a text would format it.
_OF_NUMBERS = frozenset({"odd", "even", "divisibleby"})
_OF_TEXT = frozenset({"lower", "upper"})
_OF_COMPARED = frozenset(
    {
        *("==", "eq", "equalto", "!=", "ne", ">", "gt", "greaterthan", "ge", ">="),
        *("<", "lt", "lessthan", "<=", "le", "in"),
    }
)
_OF_KIND = frozenset(
    {
        *(
            "defined",
            "undefined",
            "none",
            "boolean",
            "false",
            "true",
            "integer",
            "float",
            "string",
            "mapping",
        ),
        *("number", "sequence", "sameas", "iterable", "escaped", "callable", "filter", "test"),
    }
)
_COMPARED_WORK = 4


def compared(value: Any) -> Any:
    """Charge one side of a comparison. Returns it; an iterator as a list."""
    value = budget().listed(value)
    if isinstance(value, LoopContext):
        raise SecurityError("a loop cannot be compared")
    if isinstance(value, range):
        budget().charge(20 * len(value))
    elif isinstance(value, (str, bytes)):
        budget().charge(len(value))
    else:
        budget().charge(_COMPARED_WORK * budget().measured(value).chars)
    return value


def allowed_tests() -> dict[str, Callable[..., Any]]:
    """All tests of templates by name. Each spends a step: `select` makes many tests."""
    names = _OF_NUMBERS | _OF_TEXT | _OF_COMPARED | _OF_KIND
    tests: dict[str, Any] = OF_JINJA
    return {name: _charged(name, tests[name]) for name in sorted(names)}


def _charged(name: str, test: Callable[..., Any]) -> Callable[..., Any]:
    of_numbers, of_text, of_compared = name in _OF_NUMBERS, name in _OF_TEXT, name in _OF_COMPARED

    @wraps(test)
    def tested_kind(*args: Any) -> Any:
        budget().step()
        return test(*args)

    @wraps(test)
    def tested(*args: Any, **kwargs: Any) -> Any:
        budget().step()
        if of_numbers and not all(isinstance(value, (Number, Undefined)) for value in args):
            raise SecurityError(f"the test {name!r} takes numbers only")
        if of_text:
            budget().charge(20 * len(budget().shown(args[0])))
        if of_compared:
            args = tuple(map(compared, args))
        return test(*args, **kwargs)

    return tested_kind if name in _OF_KIND else tested
