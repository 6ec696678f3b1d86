"""The filters that a template may use, each with the work that it takes for its arguments.

What Jinja2 has besides is left out: `urlize`, `xmlattr` and `pprint` are slow and no use in a prompt, and `random`
would give each attempt another prompt. Costs raise SecurityError if the result would be longer than the longest prompt.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from math import log2
from numbers import Number
from typing import Any

from jinja2 import pass_environment, pass_eval_context
from jinja2.environment import Environment
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as OF_JINJA
from jinja2.filters import do_join, do_replace, ignore_case, make_attrgetter
from jinja2.nodes import EvalContext
from jinja2.runtime import LoopContext, Undefined

from qwenq.schemas.prompts.budget import ITEM_CHARS, budget, refuse_large
from qwenq.schemas.prompts.formats import json_work, percent, to_float, to_int, to_json, url_encoded
from qwenq.schemas.prompts.methods import PIECE_WORK, Cost, line_count, replaced, strip_work

COPIED_CHARS = 256
"""How many characters are copied in the time of one other operation."""
MOST_PLACES = 300
MOST_PIECES = 100_000
LONGEST_PATH = 200
_STEP_WORK = 2_000
_COMPARE_WORK = 60
_WORD_OR_GAP = re.compile(r"\s+|\S+")
Function = Callable[..., Any]


def _each(units: int) -> Cost:
    return lambda text, *_, **__: units * len(text)


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _path_work(path: Any, items: int) -> int:
    """The work of following an attribute such as `address.city` for so many items."""
    if path is None:
        return 0
    if not isinstance(path, str):
        return _STEP_WORK * items
    refuse_large((len(path),), LONGEST_PATH)
    return _STEP_WORK * items * (1 + path.count(".") + path.count(","))


def _sort_work(values: Any, path: Any) -> int:
    size, items = budget().measured(values), len(values)
    rounds = 2 + log2(max(items, 1))
    return round((2 * size.chars + _COMPARE_WORK * items) * rounds) + _path_work(path, items)


def _sort(values: Any, _reverse: Any = None, _sensitive: Any = None, attribute: Any = None, **_: Any) -> int:
    return _sort_work(values, attribute)


def _extreme(values: Any, _sensitive: Any = None, attribute: Any = None, **_: Any) -> int:
    items = len(values)
    return 2 * budget().measured(values).chars + _COMPARE_WORK * items + _path_work(attribute, items)


def _grouped(values: Any, attribute: Any, *_: Any, **__: Any) -> int:
    return _sort_work(values, None) + 3 * _path_work(attribute, len(values))


def _listed(values: Any) -> int:
    refuse_large((ITEM_CHARS * len(values),))
    return 10 * len(values)


def _joined(values: Any, d: Any = "", attribute: Any = None) -> int:
    d = d or ""
    size = budget().measured(values) if attribute is not None else budget().printable(values)
    refuse_large((size.chars + len(d) * len(values),))
    return size.work + (len(d) + PIECE_WORK) * len(values) + _path_work(attribute, len(values))


def _replaced(text: str, old: Any, new: Any, *_: Any, **__: Any) -> int:
    return replaced(text, budget().shown(old), budget().shown(new))


def _indented(text: str, width: Any = 4, *_: Any, **__: Any) -> int:
    wide = len(width) if isinstance(width, str) else abs(width)
    lines = line_count(text)
    length = len(text) + (lines + 2) * wide
    refuse_large((length,))
    return length + 5 * len(text) + 3 * PIECE_WORK * lines


def _wrapped(text: str, width: int = 79, *rest: Any, **named: Any) -> int:
    budget().charge(500 * len(text))
    lines = len(text.split()) + text.count("\n") + len(text) // max(width, 1)
    wrapstring = named.get("wrapstring", rest[1] if len(rest) > 1 else None)
    # A word longer than the line is copied again for each line that it fills.
    longest = max(map(len, _WORD_OR_GAP.findall(text)), default=0)
    refuse_large((longest**2 // max(width, 1) // COPIED_CHARS,))
    refuse_large((len(text) + lines * len(wrapstring or "\n"),))
    return _STEP_WORK * lines


def _stripped_of_tags(text: str) -> int:
    return 40 * len(text) + 300 * text.count("<") + 3_000 * text.count("&")


def _quoted(value: Any) -> int:
    if isinstance(value, str):
        return (40 if value.isascii() else 200) * len(value)
    size = budget().printable(value)
    return 200 * size.chars + 2 * _STEP_WORK * size.items + size.work


def _number(value: Any, *_: Any, **__: Any) -> int:
    return 20 * len(value) if isinstance(value, str) else 0


def _rounded(value: Any, precision: int = 0, *_: Any, **__: Any) -> int:
    _refuse_others(value)
    refuse_large((precision,), MOST_PLACES)
    return 0


def _absolute(value: Any) -> int:
    _refuse_others(value)
    return 0


def _cut(values: Any, pieces: int, *_: Any, **__: Any) -> int:
    refuse_large((pieces,), MOST_PIECES)
    return PIECE_WORK * (len(values) + abs(pieces))


def _mapped(_values: Any, *args: Any, **kwargs: Any) -> int:
    """Each item is charged by the filter that it goes through."""
    path = kwargs.get("attribute") if not args else None
    return _path_work(path, 1)


def _selected_by(_values: Any, attribute: Any = None, *_: Any) -> int:
    return _path_work(attribute, 1)


def refuse_odd_keys(keys: Any) -> None:
    """Refuse keys of a dict whose hashes can be made the same: large numbers, and tuples of numbers."""
    for key in keys:
        if key is not None and not isinstance(key, (str, float)):
            if not isinstance(key, int):
                raise SecurityError(f"a key of the type {type(key).__name__!r} is not possible here")
            refuse_large((key.bit_length(),), 64)


@pass_environment
def _unique(
    environment: Environment, values: Any, case_sensitive: Any = None, attribute: Any = None
) -> Iterator[Any]:
    budget().charge(_path_work(attribute, len(values)))
    get = make_attrgetter(environment, attribute, None if case_sensitive else ignore_case)
    seen = set()
    for value in values:
        budget().step()
        key = get(value)
        refuse_odd_keys((key,))
        if key not in seen:
            seen.add(key)
            yield value


@pass_environment
def _sum(environment: Environment, values: Any, attribute: Any = None, start: Any = 0) -> Any:
    budget().charge(_path_work(attribute, len(values)))
    get = make_attrgetter(environment, attribute)
    _refuse_others(start)
    for value in values:
        number = get(value)
        _refuse_others(number)
        budget().step()
        start = start + number
    return start


def _format(value: Any, *args: Any, **kwargs: Any) -> str:
    if args and kwargs:
        raise SecurityError("values of `format` have names, or none has")
    return percent(budget().shown(value), kwargs or args)


def _default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:  # noqa: FBT002 - the library's order
    """What to take in the place of a missing column or of null; with `boolean`, of all that is false."""
    is_absent = isinstance(value, Undefined) or value is None
    return default_value if is_absent or (boolean and not value) else value


@pass_eval_context
def _join(context: EvalContext, values: Any, d: Any = "", attribute: Any = None) -> str:
    """Join values; null is the empty text, as when it is printed."""
    if attribute is not None:
        values = map(make_attrgetter(context.environment, attribute), values)
    text: str = do_join(context, ["" if value is None else value for value in values], "" if d is None else d)
    return text


@pass_eval_context
def _replace(context: EvalContext, text: str, old: Any, new: Any, count: Any = None) -> str:
    return do_replace(context, text, "" if old is None else old, "" if new is None else new, count)


def _attr_work(_value: Any, name: Any) -> int:
    return len(name)


def _refuse_others(value: Any) -> None:
    """Refuse anything but a number, where others have another meaning."""
    if not isinstance(value, Number) and not isinstance(value, Undefined):
        raise SecurityError(f"{type(value).__name__!r} is not a number")


_OF_TEXT: Mapping[str, Cost] = {
    "capitalize": _each(30),
    "center": lambda text, width=80: len(text) + abs(width),
    "e": _each(10),
    "escape": _each(10),
    "forceescape": _each(10),
    "format": _each(0),  # measured by itself
    "indent": _indented,
    "lower": _each(30),
    "replace": _replaced,
    "safe": _each(1),
    "string": _each(0),
    "striptags": _stripped_of_tags,
    "title": _each(300),
    "trim": strip_work,
    "truncate": _each(2),
    "upper": _each(30),
    "wordcount": _each(40),
    "wordwrap": _wrapped,
}
_OF_VALUES: Mapping[str, Cost] = {
    "abs": _absolute,
    "attr": _attr_work,
    "batch": _cut,
    "count": _nothing,
    "d": _nothing,
    "default": _nothing,
    "dictsort": lambda mapping, *_, **__: _sort_work(mapping, None),
    "filesizeformat": _number,
    "first": _nothing,
    "float": _number,
    "groupby": _grouped,
    "int": _number,
    "items": _nothing,
    "join": _joined,
    "last": _nothing,
    "length": _nothing,
    "list": _listed,
    "map": _mapped,
    "max": _extreme,
    "min": _extreme,
    "reject": _nothing,
    "rejectattr": _selected_by,
    "reverse": _each(5),
    "round": _rounded,
    "select": _nothing,
    "selectattr": _selected_by,
    "slice": _cut,
    "sort": _sort,
    "sum": _nothing,
    "tojson": json_work,
    "unique": _nothing,
    "urlencode": _quoted,
}
_OWN: Mapping[str, Function] = {
    **dict.fromkeys(("d", "default"), _default),
    "float": to_float,
    "format": _format,
    "int": to_int,
    "join": _join,
    "replace": _replace,
    "sum": _sum,
    "tojson": to_json,
    "unique": _unique,
    "urlencode": url_encoded,
}
_TAKES_A_LOOP = frozenset({"attr", "d", "default"})
_TAKES_A_LENGTH = frozenset({"center", "indent", "truncate", "wordwrap"})


def allowed_filters() -> dict[str, Function]:
    """All filters of templates by name; each charges its work to the budget."""
    functions = {**OF_JINJA, **_OWN}
    of_text = {name: _charged(name, functions[name], cost, text=True) for name, cost in _OF_TEXT.items()}
    return of_text | {name: _charged(name, functions[name], cost) for name, cost in _OF_VALUES.items()}


def _charged(name: str, function: Function, cost: Cost, *, text: bool = False) -> Function:
    """Make a filter charge its work; with `text`, it is given its value as text."""
    passed = int(hasattr(function, "jinja_pass_arg"))  # Jinja2 passes such a filter its first argument
    takes_a_loop, takes_a_length = name in _TAKES_A_LOOP, name in _TAKES_A_LENGTH

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        spent = budget()
        spent.step()
        values = [spent.listed(value) for value in args[passed:]]
        if not takes_a_loop and any(isinstance(value, LoopContext) for value in values):
            raise SecurityError(f"the filter {name!r} takes no loop")
        if text:
            values[0] = spent.shown(values[0])
        if takes_a_length:
            refuse_large((*values, *kwargs.values()))
        spent.charge(cost(*values, **kwargs))
        return spent.hold(function(*args[:passed], *values, **kwargs))

    return filtered
