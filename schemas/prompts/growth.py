"""Formats, methods and filters whose result can be much longer than their input; each is measured before it runs.

Everything here raises SecurityError if a result would be longer than the longest prompt.
"""

import codecs
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup, soft_str

from qwenq.schemas.prompts.budget import OUTPUT_CHARS, refuse_large, size_of

_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*))?")
_WORD_OR_GAP = re.compile(r"\s+|\S+")
COPIED_CHARS = 256
"""How many characters are copied in the time of one other operation."""
# Codecs in linear time; punycode is not.
_CODECS = frozenset({"ascii", "utf-8", "utf-16", "utf-32", "iso8859-1", "cp1252"})


class _BoundedFormatter(SandboxedFormatter):
    """Formats `"{:9}".format(…)` once, within the longest prompt."""

    chars = 0

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one field; other fields may have given its width."""
        refuse_large(map(int, re.findall(r"\d+", format_spec)))
        text = super().format_field(value, format_spec)
        self.chars += len(text)
        refuse_large((self.chars,))
        return text


class _BoundedEscapeFormatter(_BoundedFormatter, SandboxedEscapeFormatter):
    """The same for Markup, which escapes its fields."""


def formatted(
    environment: SandboxedEnvironment, pattern: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str:
    """`pattern.format(*args, **kwargs)`."""
    if isinstance(pattern, Markup):
        formatter: _BoundedFormatter = _BoundedEscapeFormatter(environment, escape=pattern.escape)
    else:
        formatter = _BoundedFormatter(environment)
    text: str = type(pattern)(formatter.vformat(pattern, args, kwargs))
    return text


def format_filter(value: object, *args: Any, **kwargs: Any) -> Any:
    """The filter `format`: `%` by another name."""
    pattern, values = soft_str(value), kwargs or args
    refuse_long_format(pattern, values)
    return pattern % values


def refuse_long_format(pattern: str, values: Any) -> None:
    """Refuse `pattern % values` if its widths and texts add up to more than the longest prompt."""
    repeats = isinstance(values, Mapping)
    given = list(values.values()) if repeats else list(values) if type(values) is tuple else [values]
    fields = [(found["width"], found["precision"]) for found in _PERCENT.finditer(pattern)]
    widths = sum(int(number) for pair in fields for number in pair if number and number != "*")
    if any("*" in pair for pair in fields):
        widths += sum(abs(value) for value in given if isinstance(value, int))
    sizes = [size_of(value) for value in given]
    # A pattern can use a mapping's value many times, but a tuple's only once.
    texts_length = max(sizes, default=0) * len(fields) if repeats else sum(sizes)
    refuse_large((len(pattern) + widths + texts_length,))


def refuse_growth(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Refuse a method call such as `text.replace(…)` whose result would be longer than the longest prompt."""
    owner, name = getattr(function, "__self__", None), getattr(function, "__name__", "")
    if isinstance(owner, (str, bytes)) and name in _METHODS:
        refuse_large((_METHODS[name](owner, *args, **kwargs),))


def _replaced(text: Any, old: Any, new: Any, *_: Any, **__: Any) -> int:
    length: int = len(text) + text.count(old) * len(new)
    return length


def _joined(separator: Any, parts: Any = ()) -> int:
    return size_of(parts) + len(separator) * len(parts)


def _expanded(text: Any, tabsize: int = 8) -> int:
    tabs: int = text.count("\t" if isinstance(text, str) else b"\t")
    return len(text) + tabs * tabsize


def _translated(text: Any, table: Any = None, *_: Any, **__: Any) -> int:
    values = (
        table.values() if isinstance(table, Mapping) else table if isinstance(table, (list, tuple)) else ()
    )
    return len(text) * max((len(value) for value in values if isinstance(value, str)), default=1)


def _coded(text: Any, encoding: str = "utf-8", *_: Any, **__: Any) -> int:
    if codecs.lookup(encoding).name not in _CODECS:
        raise SecurityError(f"the encoding {encoding!r} is not possible here")
    return len(text)


_METHODS: dict[str, Callable[..., int]] = {
    "replace": _replaced,
    "join": _joined,
    "expandtabs": _expanded,
    "translate": _translated,
    "encode": _coded,
    "decode": _coded,
}


def _filter_replace(value: Any, old: Any, new: Any, *_: Any, **__: Any) -> int:
    return _replaced(str(value), str(old), str(new))


def _filter_join(value: Any, d: Any = "", *_: Any, **__: Any) -> int:
    return size_of(value) + len(str(d)) * len(value)


def _filter_indent(value: Any, width: Any = 4, *_: Any, **__: Any) -> int:
    wide = len(width) if isinstance(width, str) else width
    return len(value) + (len(str(value).splitlines()) + 2) * wide


def _filter_wordwrap(value: Any, width: int = 79, *rest: Any, **named: Any) -> int:
    text = str(value)
    lines = len(text.split()) + text.count("\n") + len(text) // max(width, 1)
    wrapstring = named.get("wrapstring", rest[1] if len(rest) > 1 else None)
    # A word longer than the line is copied again for each line that it fills.
    longest = max(map(len, _WORD_OR_GAP.findall(text)), default=0)
    refuse_large((longest**2 // max(width, 1) // COPIED_CHARS,))
    return len(text) + lines * len(str(wrapstring or "\n"))


FILTERS: dict[str, Callable[..., int]] = {
    "replace": _filter_replace,
    "join": _filter_join,
    "indent": _filter_indent,
    "wordwrap": _filter_wordwrap,
}
"""By a filter's name: the most characters of its result, for its arguments."""


def dumped(value: Any, **options: Any) -> str:
    """Write JSON for `tojson`, within the longest prompt: its indents may be longer than all the rest."""
    chars, parts = 0, []
    for part in json.JSONEncoder(**options).iterencode(value):
        chars += len(part)
        if chars > OUTPUT_CHARS:
            raise SecurityError(f"JSON of more than {OUTPUT_CHARS} characters is too large here")
        parts.append(part)
    return "".join(parts)
