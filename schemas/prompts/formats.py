"""Formats of text, each measured before it runs: `tojson`, `urlencode`, `%`, `format`, `str.format`, `str.format_map`.

Beside them, numbers of texts. All raise SecurityError if the result would be longer than the longest prompt.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2.exceptions import SecurityError, TemplateRuntimeError
from jinja2.filters import do_float, do_int, do_urlencode
from jinja2.sandbox import SandboxedEnvironment, SandboxedEscapeFormatter, SandboxedFormatter
from markupsafe import Markup

from qwenq.schemas.prompts.budget import budget, refuse_large

MOST_FIELDS = 10_000
# As Python reads a field. Each part is bounded, so that a hostile pattern is read in linear time.
_FIELD = re.compile(
    r"%(?:\([^()]{0,256}\))?[#0\- +]{0,8}(?P<width>\d{1,7}|\*)?(?:\.(?P<precision>\d{1,7}|\*)?)?"
    r"[hlL]?[diouxXeEfFgGcrsa%]"
)
_NUMBER = re.compile(r"\d+")
_LONGEST_NUMBER = 7
_ESCAPED = 6
"""How many characters Markup makes of one, at most."""
_FIELD_WORK = 1_500
_STEP_WORK = 1_000
_JSON_ITEM_WORK = 400
_WIDEST_INDENT = 100
_SHOWN_CHARS = 40
_NO_NUMBER = object()


class _BoundedFormatter(SandboxedFormatter):
    """Formats `"{:9}".format(…)` once, within the longest prompt."""

    chars = 0

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one field; other fields may have given its width."""
        for number in _NUMBER.findall(format_spec):
            refuse_large((int(number) if len(number.lstrip("0")) <= _LONGEST_NUMBER else 10**8,))
        if value is None:
            value = ""
        elif not isinstance(value, str):
            budget().charge(budget().printable(value).work)
        text = super().format_field(value, format_spec)
        self.chars += len(text)
        refuse_large((self.chars,))
        return text

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """Convert by `!r`, `!s` or `!a`."""
        if value is None:
            value = ""
        if conversion:
            budget().charge(budget().printable(value).work)
        return super().convert_field(value, conversion)


class _BoundedEscapeFormatter(_BoundedFormatter, SandboxedEscapeFormatter):
    """The same for Markup, which escapes its fields."""


class BoundFormat:
    """The method `format` or `format_map` of a text in a template."""

    def __init__(self, environment: SandboxedEnvironment, pattern: str, name: str) -> None:
        self._environment = environment
        self._pattern = pattern
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        """Format, within the longest prompt."""
        if self._name == "format_map":
            (kwargs,), args = args, ()
        pattern = self._pattern
        refuse_large((pattern.count("{"),), MOST_FIELDS)
        looks = pattern.count(".") + pattern.count("[") if "{" in pattern else 0
        budget().charge(_FIELD_WORK * pattern.count("{") + _STEP_WORK * looks + len(pattern))
        if isinstance(pattern, Markup):
            formatter: _BoundedFormatter = _BoundedEscapeFormatter(self._environment, escape=pattern.escape)
        else:
            formatter = _BoundedFormatter(self._environment)
        text: str = type(pattern)(formatter.vformat(pattern, args, kwargs))
        return text


def json_work(
    value: Any, ensure_ascii: Any = None, indent: Any = None, separators: Any = None, sort_keys: Any = None
) -> int:
    """The work of writing a value as JSON."""
    size = budget().measured(value)
    wide = len(indent) if isinstance(indent, str) else indent or 0
    refuse_large((wide,), _WIDEST_INDENT)
    if separators is not None:
        refuse_large(map(len, separators), _WIDEST_INDENT)
    sorting = 10 * size.chars if sort_keys else 0
    return size.work + _JSON_ITEM_WORK * size.items + sorting + (5 * size.chars if ensure_ascii else 0)


def to_json(
    value: Any, ensure_ascii: Any = None, indent: Any = None, separators: Any = None, sort_keys: Any = None
) -> str:
    """JSON as the `tojson` of Transformers' chat templates writes it: letters as they are, keys in their order."""
    chars, most, parts = 0, budget().longest, []
    encoder = json.JSONEncoder(
        ensure_ascii=bool(ensure_ascii), indent=indent, separators=separators, sort_keys=bool(sort_keys)
    )
    for part in encoder.iterencode(value):
        chars += len(part)
        if chars > most:
            raise SecurityError(f"JSON of more than {most} characters is too large here")
        parts.append(part)
    return "".join(parts)


def url_encoded(value: Any) -> str:
    """Text, or the pairs of a mapping, quoted for a URL; null is the empty text."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return do_urlencode("" if value is None else value)
    pairs = value.items() if isinstance(value, Mapping) else value
    return do_urlencode([(name, "" if one is None else one) for name, one in pairs])


def percent(pattern: str, values: Any) -> str:
    """`pattern % values`."""
    values = _without_null(values)
    repeats = isinstance(values, Mapping)
    given = list(values.values()) if repeats else list(values) if isinstance(values, tuple) else [values]
    fields = _fields(pattern)
    widths = sum(int(number) for pair in fields for number in pair if number and number != "*")
    if any("*" in pair for pair in fields):
        widths += sum(abs(value) for value in given if isinstance(value, int))
    sizes = [budget().printable(value) for value in given]
    # A pattern can use a mapping's value many times, but a tuple's only once.
    times = len(fields) if repeats else 1
    shown = max((size.chars for size in sizes), default=0) if repeats else sum(size.chars for size in sizes)
    work = max((size.work for size in sizes), default=0) if repeats else sum(size.work for size in sizes)
    escaped = _ESCAPED if isinstance(pattern, Markup) else 1
    refuse_large((len(pattern) + widths + escaped * shown * times,))
    budget().charge(len(pattern) + widths + escaped * work * times + _FIELD_WORK * len(fields))
    text: str = pattern % values
    return text


def _without_null(values: Any) -> Any:
    """The values, with the empty text for null."""
    if isinstance(values, Mapping):
        return {name: "" if value is None else value for name, value in values.items()}
    if isinstance(values, tuple):
        return tuple("" if value is None else value for value in values)
    return "" if values is None else values


def _fields(pattern: str) -> list[tuple[str | None, str | None]]:
    """Width and precision of each field."""
    fields, at = [], pattern.find("%")
    while at >= 0:
        field = _FIELD.match(pattern, at)
        if field is None:
            raise SecurityError(f"the format {pattern[at : at + 20]!r} is not possible here")
        fields.append((field["width"], field["precision"]))
        refuse_large((len(fields),), MOST_FIELDS)
        at = pattern.find("%", field.end())
    return fields


def to_float(value: Any, default: Any = _NO_NUMBER) -> Any:
    """A number of a text. Jinja2's would make 0 of what is none, such as 1,5."""
    return _converted(value, do_float(value, _NO_NUMBER), default, "float")  # type: ignore[arg-type]


def to_int(value: Any, default: Any = _NO_NUMBER, base: int = 10) -> Any:
    """A whole number of a text; see `to_float`."""
    return _converted(value, do_int(value, _NO_NUMBER, base), default, "int")  # type: ignore[arg-type]


def _converted(value: Any, number: Any, default: Any, name: str) -> Any:
    if number is not _NO_NUMBER:
        return number
    if default is not _NO_NUMBER:
        return default
    shown = repr(value[:_SHOWN_CHARS] if isinstance(value, str) else type(value).__name__)
    raise TemplateRuntimeError(
        f"{shown} is no number; remove what is no digit, as with replace(',', '.'), or give a value for it: {name}(0)"
    )
