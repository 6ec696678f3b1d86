"""Values that a person gives to a template by name, the same for all documents (`--var language=German`)."""

import json
import re
from collections.abc import Mapping

from qwenq.schemas.errors import InvalidParameter

OPTION = "--var"
_TAKEN = frozenset(
    {
        *("row", "messages", "parts", "part_count", "loop", "self", "caller", "varargs", "kwargs"),
        *("and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None"),
    }
)
"""Names with a meaning of their own in templates."""


_SET = re.compile(r'\{% set (\w+) = ("(?:[^"\\]|\\.)*"|-?[0-9]+) %\}')
"""One value at the top of a template, as `with_values` writes it."""


def check_values(values: Mapping[str, object], used: frozenset[str]) -> None:
    """Raise InvalidParameter for a name that cannot be set, or that no prompt uses: it would be lost in silence."""
    for name, value in values.items():
        if not name.isidentifier() or name in _TAKEN:
            reason = (
                f"{name!r} cannot be the name of a value: use letters, digits and _, as in language=German"
            )
            raise InvalidParameter(name=OPTION, reason=reason)
        if type(value) not in {str, int}:
            reason = f"the value of {name} is a {type(value).__name__}; it must be a text or a whole number"
            raise InvalidParameter(name=OPTION, reason=reason)
        if name not in used:
            named = ", ".join(sorted(used - _TAKEN)) or "no name"
            raise InvalidParameter(name=OPTION, reason=f"the prompt does not use {name}; it uses: {named}")


def with_values(template: str, values: Mapping[str, str | int]) -> str:
    """The template with these values set at its top, so that they win over columns of the same names.

    They stand on the first line: the numbers of the others stay the same.
    """
    # Jinja2 reads the escapes of JSON's strings as Python does; letters beyond ASCII stay as they are.
    set_up = (
        f"{{% set {name} = {json.dumps(value, ensure_ascii=False)} %}}" for name, value in values.items()
    )
    return "".join(set_up) + template


def without_values(template: str) -> tuple[str, dict[str, str | int]]:
    """The template as it was before `with_values`, and the values that stand at its top."""
    values: dict[str, str | int] = {}
    while (found := _SET.match(template)) is not None and found[1] not in _TAKEN:
        values[found[1]] = json.loads(found[2])
        template = template[found.end() :]
    return template, values
