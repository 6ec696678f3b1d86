"""A directed search for the longest call: each method, filter, test and operator with the worst arguments known for it.

The sizes grow until the budget refuses them. A budget that does not know an operation's cost shows as a long call.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from qwenq.schemas.prompts.compiled import CompiledTemplate
from tests.fuzzing.drawn_documents import Columns

LARGEST = 4_000_000
SMALLEST = 1_000

_TEXTS: Mapping[str, str] = {
    "a": "a",
    "a b": "a ",
    "lines": "\n",
    "tags": "<b>",
    "comments": "<!---->",
    "entities": "&amp;&a",
    "quotes": "\"<'",
    "wide": "東",
    "long": "\U0001f600",
    "sharp": "ŉß",
    "percent": "%s",
    "percent-name": "%(",
    "percent-named": "%(a)s",
    "braces": "{}",
    "braces-path": "{0[a].b",
    "dashes": "a--!-",
    "digits": "9",
    "control": "\x01",
}
"""Texts, repeated up to a size."""


def _each(source: str, names: str) -> list[str]:
    return [source.replace("NAME", name) for name in names.split()]


_OF_TEXT = (
    *(
        "{{ t | " + name + " }}"
        for name in ["capitalize", "e", "escape", "forceescape", "lower", "safe", "string", "striptags"]
    ),
    *(
        "{{ t | " + name + " }}"
        for name in ["title", "trim", "upper", "wordcount", "wordwrap", "urlencode", "int", "float"]
    ),
    *(
        "{{ t | " + name + " }}"
        for name in ["list", "first", "last", "length", "reverse", "tojson", "filesizeformat"]
    ),
    *_each("{{ t | NAME | length }}", "sort unique min max"),
    "{{ t | wordwrap(1) | length }}",
    "{{ t | wordwrap(100000) | length }}",
    "{{ t | center(4000000) | length }}",
    "{{ t | indent(0, blank=true) | length }}",
    "{{ t | truncate(100000, false, '') | length }}",
    "{{ t | format(1) }}",
    "{{ t | format(a=1) }}",
    "{{ t % 1 }}",
    "{{ t % {'a': 1} }}",
    "{{ (t | e) % {'a': 1} }}",
    "{{ t.format(1) | length }}",
    "{{ t.format({'a': 1}, {'b': 2}) | length }}",
    "{{ t.format_map({'a': 1}) | length }}",
    "{{ (t | e).format(t) | length }}",
    "{{ t | groupby('x') }}",
    "{{ t | groupby(0) | length }}",
    "{{ t | batch(1) | list | length }}",
    "{{ t | slice(100000) | list | length }}",
    "{{ t | map('upper') | list | length }}",
    "{{ t | map(attribute='x.y.z') | list | length }}",
    "{{ t | select('in', t) | list | length }}",
    "{{ t | selectattr('x') | list | length }}",
    "{{ t | sum }}",
    "{{ t is odd }}{{ t is divisibleby 3 }}",
    "{{ t is lower }}",
    "{{ t == t ~ 'x' }}{{ t < t ~ 'x' }}",
    "{{ (t ~ 'b') in t }}",
    "{{ t * 2 }}",
    "{{ t + t }}",
    "{{ t ~ t ~ t }}",
    "{{ t[::-1][::2][1:] }}",
    "{{ [t] | string | length }}",
    "{{ {t: t} | tojson | length }}",
    *(
        "{{ t." + name + "() | length }}"
        for name in ["capitalize", "casefold", "lower", "swapcase", "title", "upper", "split"]
    ),
    *_each("{{ t.NAME() | length }}", "rsplit splitlines encode expandtabs"),
    *_each("{{ t.NAME() }}", "isalnum isidentifier istitle isprintable isspace"),
    *_each("{{ t.NAME(4000000) | length }}", "center ljust rjust zfill"),
    "{{ t.translate({120: 'y'}) | length }}",
    "{{ t.encode('ascii', 'ignore').decode('utf-16', 'replace') | length }}",
    "{{ t.encode('utf-16').decode('utf-8', 'replace') | length }}",
    "{% for c in t %}{{ c }}{% endfor %}",
    "{% for c in t %}{% if t == t %}{% endif %}{% endfor %}",
    "{% for c in t %}{% if 'x' in t %}{% endif %}{% endfor %}",
    "{% for c in t %}{{ loop.changed(t) }}{% endfor %}",
    "{% for c in t %}{{ t.rfind(t[:9]) }}{% endfor %}",
    "{% for c in t %}{% set x = t | upper %}{% endfor %}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{% for c in t %}{% set x = m(t) %}{% endfor %}",
    "{% for a, b in t | groupby(0) %}{{ b | sort | join }}{% endfor %}",
)
_OF_PARTS = (
    *_each("{{ t.NAME(p) }}", "count find startswith endswith rfind"),
    *(
        "{{ t." + name + "(p) | length }}"
        for name in ["removeprefix", "removesuffix", "partition", "rpartition"]
    ),
    *(
        "{{ t." + name + "(p) | length }}"
        for name in ["split", "rsplit", "strip", "lstrip", "rstrip", "join"]
    ),
    "{{ t.replace(p, '') | length }}",
    "{{ t.replace(p, p ~ 'x') | length }}",
    "{{ (t | e).replace(p, p) | length }}",
    "{{ (t | e).rsplit(p) | length }}",
    "{{ t | replace(p, 'xy') | length }}",
    "{{ t | trim(p) | length }}",
    "{{ t | join(p) | length }}",
    "{{ p in t }}{{ t in p }}{{ p == t }}",
    "{{ [t, p] | sort | length }}",
    "{{ p % t }}",
)
_OF_LISTS = (
    *(
        "{{ l | " + name + " }}"
        for name in ["string", "tojson", "list", "sort", "unique", "min", "max", "sum", "join", "length"]
    ),
    *_each("{{ l | NAME(attribute=0) }}", "sort unique min max sum join"),
    *(
        "{{ l | " + name + "(attribute='a.b.c') }}"
        for name in ["sort", "unique", "min", "max", "sum", "join"]
    ),
    "{{ l | groupby(0) | length }}",
    "{{ l | groupby('a') | length }}",
    "{{ l }}{{ l }}{{ l }}",
    "{{ l == l + [] }}{{ l < l + [1] }}{{ 'x' in l }}",
    "{{ l.count(1) }}{{ l.index('nothing') }}",
    "{{ l + l }}",
    "{{ [l] * 1000 }}",
    "{{ dict(l) }}",
    "{{ l | urlencode | length }}",
    "{{ l | map('string') | join }}",
    "{{ l | map('int') | unique | list | length }}",
    "{{ l | batch(100000, 'x') | list | length }}",
    "{{ l | sum(start=[]) }}",
    "{{ '%s' % l }}{{ '{}'.format(l) }}{{ '{!a}'.format(l) }}",
    "{{ l | tojson(indent=100) | length }}",
    "{% for x in l recursive %}{{ loop(l) }}{% endfor %}",
    "{% for x in l %}{% for y in l %}{% if x == y %}{% endif %}{% endfor %}{% endfor %}",
    "{% for x in l %}{% if x in l %}{% endif %}{% endfor %}",
    "{% for x in l %}{{ l | length }}{{ l | string | length }}{% endfor %}",
    "{% set n = namespace(x=[]) %}{% for x in l %}{% set n.x = n.x + [x] %}{% endfor %}",
    "{% set n = namespace(x='') %}{% for x in l %}{% set n.x = n.x ~ x %}{% endfor %}",
    "{% set n = namespace(x=l) %}{% for x in l %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x }}",
)
_PRIME = 2**61 - 1
"""Numbers that it divides all have the same hash."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call and its time, in seconds of processor time."""

    seconds: float
    source: str
    columns: str
    size: int

    def __str__(self) -> str:
        return f"{self.source}   {self.columns}, {self.size:,} characters"


@dataclass(frozen=True, slots=True)
class Search:
    """One template with columns of a kind; `columns_of(size)` makes them."""

    source: str
    columns: str
    columns_of: Callable[[int], Columns]

    def longest(self, largest: int) -> Call:
        """Render at sizes up to the largest. Returns the longest call."""
        template = CompiledTemplate(self.source)
        longest = Call(0.0, self.source, self.columns, 0)
        size = largest
        while size >= SMALLEST:
            columns = self.columns_of(size)
            began = time.thread_time()
            template.render(columns)
            seconds = time.thread_time() - began
            if seconds > longest.seconds:
                longest = Call(seconds, self.source, self.columns, size)
            size //= 4
        return longest


@cache
def searches() -> Sequence[Search]:
    """All of them."""
    return [
        *(Search(source, name, partial(_text, text)) for source in _OF_TEXT for name, text in _TEXTS.items()),
        *(Search(source, name, made) for source in _OF_PARTS for name, made in _PARTS.items()),
        *(Search(source, name, made) for source in _OF_LISTS for name, made in _LISTS.items()),
    ]


def _text(text: str, size: int) -> Columns:
    return {"t": text * (size // len(text))}


def _part(made: Callable[[int, int], tuple[str, str]], size: int) -> Columns:
    text, part = made(size, int(size**0.5))
    return {"t": text, "p": part}


def _list(made: Callable[[int, int], list[Any]], size: int) -> Columns:
    return {"l": made(size, int(size**0.5))}


_PARTS = {
    name: partial(_part, made)
    for name, made in {
        "half": lambda size, _: ("a" * size, "b" + "a" * (size // 2)),
        "half-end": lambda size, _: ("a" * size, "a" * (size // 2) + "b"),
        "root": lambda size, root: ("a" * size, "b" + "a" * root),
        "middle": lambda size, root: ("a" * size, "a" * (root // 2) + "b" + "a" * (root // 2)),
        "hundred": lambda size, _: ("a" * size, "a" * 49 + "b" + "a" * 49),
        "periods": lambda _, root: (("a" * root + "b") * root, "a" * root + "b" + "a" * (root - 1) + "c"),
        "chars": lambda size, _: ("a" * size, "b" * (size // 2) + "a"),
        "wide": lambda size, _: ("東" * size, "".join(map(chr, range(0x4E00, 0x9000)))),
        "one": lambda size, _: ("ab" * (size // 2), "a"),
        "empty": lambda size, _: ("a" * size, ""),
        "markup": lambda size, _: ("<" * size, "<"),
    }.items()
}
_MADE_LISTS: Mapping[str, Callable[[int, int], list[Any]]] = {
    "numbers": lambda size, _: list(range(size // 8)),
    "floats": lambda size, _: [1.7976931348623157e308 / (one + 1) for one in range(size // 8)],
    "collisions": lambda size, _: [str(_PRIME * one) for one in range(1, size // 40 + 2)],
    "pairs": lambda size, _: [[_PRIME * one, 1] for one in range(1, size // 60 + 2)],
    "texts": lambda _, root: ["a" * root + str(one) for one in range(root)],
    "wide-texts": lambda _, root: [("a" * root, "a" * root + "東")[one % 2] for one in range(root)],
    "lists": lambda size, _: [[one] for one in range(size // 16)],
    "prefixes": lambda _, root: [[0] * (root // 8) + [one] for one in range(root)],
    "mappings": lambda size, _: [{"a": {"b": {"c": one}}} for one in range(size // 96)],
    "empties": lambda size, _: [{} for _ in range(size // 8)],
    "deep": lambda size, _: _deep(min(size // 8, 900)),
}
_LISTS = {name: partial(_list, made) for name, made in _MADE_LISTS.items()}


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value
