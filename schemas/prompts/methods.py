"""The methods that a template may call, each with the work that it takes for its arguments.

A cost is the worst that CPython 3.11 needs: searches from the left take linear time, searches from the right and
stripping of given characters the product of the lengths. Costs raise SecurityError if the result would be longer than
the longest prompt.
"""

import codecs
from collections.abc import Callable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError
from markupsafe import Markup, escape

from qwenq.schemas.prompts.budget import ITEM_CHARS, budget, refuse_large

Cost = Callable[..., int]
PIECE_WORK = 50
"""The work of one more item of a list."""
MARKUP_TIMES = 6
"""Markup escapes what it is given: a character becomes five at most, and each item is wrapped."""
_SMALL = 30_000
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# Codecs in linear time; punycode is not. Other ways to treat errors make many characters of one.
_CODECS = frozenset({"ascii", "utf-8", "utf-16", "utf-32", "iso8859-1", "cp1252"})
_ERRORS = frozenset({"strict", "ignore", "replace"})


def search_work(text: Any, part: Any) -> int:
    """The work of searching from the left. CPython begins with a simple search, and changes when that is slow."""
    size: int = len(text)
    length: int = len(part)
    return 2 * size + length + (size * min(length, 100) // 4 if size < _SMALL else 0)


def backward_work(text: Any, part: Any) -> int:
    """The work of searching from the right: each place may be compared with the whole part."""
    size: int = len(text)
    return size + size * len(part) // 2


def strip_work(text: Any, chars: Any = None) -> int:
    """The work of stripping: each stripped character is looked for in all given ones."""
    size: int = len(text)
    return size + (0 if chars is None else len(chars) + size * len(chars) // 4)


def replaced(text: Any, old: Any, new: Any, *_: Any) -> int:
    """The work of a replacement."""
    budget().charge(search_work(text, old))
    times: int = text.count(old)
    length: int = len(text) + times * len(new)
    refuse_large((length,))
    return search_work(text, old) + length + 10 * times


def joined(separator: Any, parts: Any = ()) -> int:
    """The work of joining texts."""
    size, pieces = budget().measured(parts), len(parts)
    refuse_large((size.chars + len(separator) * pieces,))
    return size.chars + (len(separator) + PIECE_WORK) * pieces


def line_count(text: Any) -> int:
    """How many lines `splitlines` makes at most; what ends a line counts before the text is split."""
    budget().charge(5 * len(text))
    ends: int = sum(map(text.count, _LINE_ENDS))
    return ends + 1


def _each(units: int) -> Cost:
    """So many units for each character."""
    return lambda text, *_, **__: units * len(text)


def _compared(value: Any, *others: Any, **_: Any) -> int:
    return 2 * budget().measured([value, *others]).chars


def _split(text: Any, sep: Any = None, maxsplit: Any = -1, *, backward: bool = False) -> int:  # noqa: ARG001
    if sep is None:
        return PIECE_WORK * len(text)
    work = backward_work(text, sep) if backward else search_work(text, sep)
    budget().charge(search_work(text, sep))
    pieces: int = text.count(sep) + 1
    refuse_large((ITEM_CHARS * pieces,))
    return work + PIECE_WORK * pieces


def _split_backward(text: Any, sep: Any = None, maxsplit: Any = -1) -> int:
    return _split(text, sep, maxsplit, backward=True)


def _padded(text: Any, width: int, fillchar: str = " ") -> int:
    return len(text) + abs(width) + len(fillchar)


def _expanded(text: Any, tabsize: int = 8) -> int:
    length: int = len(text) + text.count("\t") * tabsize
    refuse_large((length,))
    return 10 * len(text) + abs(length)


def _translated(text: Any, table: Any) -> int:
    values = (
        table.values() if isinstance(table, Mapping) else table if isinstance(table, (list, tuple)) else ()
    )
    longest = max((len(value) for value in values if isinstance(value, str)), default=1)
    refuse_large((len(text) * longest,))
    return 250 * len(text) + 2 * len(text) * longest + 10 * len(values)


def _coded(text: Any, encoding: str = "utf-8", errors: str = "strict") -> int:
    if len(encoding) > max(map(len, _CODECS)) or codecs.lookup(encoding).name not in _CODECS:
        raise SecurityError(f"the encoding {encoding[:40]!r} is not possible here")
    if errors not in _ERRORS:
        raise SecurityError(f"errors={errors[:40]!r} is not possible here")
    return 300 * len(text) if errors != "strict" else 10 * len(text)


def _within(value: Any, *parts: Any) -> int:
    return len(value) + 2 * budget().measured(parts).chars


def _nothing(*_: Any, **__: Any) -> int:
    return 0


_TEXT: Mapping[str, Cost] = {
    **dict.fromkeys(("capitalize", "casefold", "lower", "swapcase", "title", "upper"), _each(30)),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill"), _padded),
    **dict.fromkeys(("find", "index", "count", "partition"), lambda text, sub, *_: search_work(text, sub)),
    **dict.fromkeys(("rfind", "rindex", "rpartition"), lambda text, sub, *_: backward_work(text, sub)),
    **dict.fromkeys(("startswith", "endswith", "removeprefix", "removesuffix"), _within),
    **dict.fromkeys(("strip", "lstrip", "rstrip"), strip_work),
    **dict.fromkeys(
        (
            *("isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower"),
            *("isnumeric", "isprintable", "isspace", "istitle", "isupper"),
        ),
        _each(20),
    ),
    "encode": _coded,
    "expandtabs": _expanded,
    "format": _nothing,  # measured by itself
    "format_map": _nothing,
    "join": joined,
    "replace": replaced,
    "rsplit": _split_backward,
    "split": _split,
    "splitlines": lambda text, *_, **__: 5 * len(text) + PIECE_WORK * line_count(text),
    "translate": _translated,
}
METHODS: Mapping[type, Mapping[str, Cost]] = {
    str: _TEXT,
    Markup: _TEXT,
    bytes: {"decode": _coded},
    bool: {},
    int: {"bit_length": _nothing},
    float: {"is_integer": _nothing},
    complex: {},
    type(None): {},
    list: {"count": _compared, "index": _compared},
    tuple: {"count": _compared, "index": _compared},
    dict: {"get": _nothing, "items": _nothing, "keys": _nothing, "values": _nothing},
    range: {},
}
"""By type and name. A type without methods is one whose attributes are all refused."""


def method_work(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """The work of calling a method. Raises SecurityError if it is not on the list, or its result too long."""
    costs = METHODS.get(type(owner), {})
    if name not in costs:
        raise SecurityError(refusal(owner, name))
    if not isinstance(owner, Markup):
        return costs[name](owner, *args, **kwargs)
    # Markup escapes its arguments before it looks for them.
    escaped = (escape(budget().hold(value)) if isinstance(value, str) else value for value in args)
    return MARKUP_TIMES * costs[name](owner, *escaped, **kwargs)


def refusal(owner: Any, name: str) -> str:
    """The message for a method that a template may not use."""
    return f"{name[:80]!r} of {type(owner).__name__!r} is not possible in a template"
