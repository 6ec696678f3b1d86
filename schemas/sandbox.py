"""Jinja2 as far as a prompt needs it: no files, no private attributes, no rendering without end."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import (
    ImmutableSandboxedEnvironment,
    SandboxedEscapeFormatter,
    SandboxedFormatter,
)
from markupsafe import Markup, soft_str

from schemas.errors import InvalidTemplate, PromptFailed

OUTPUT_CHARS = 4 * 1024 * 1024
"""The longest prompt that is rendered."""
LOOP_STEPS = 1_000_000
"""How many steps the `range` loops of one rendering may take together."""
POWER_BITS = 10_000
REASON_CHARS = 300
_PERCENT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(?P<width>\d+|\*)?(?:\.(?P<precision>\d+|\*))?")
_UNDEFINED_NAME = re.compile(r"'(\w+)' is undefined|.* has no (?:attribute|element) '?(.+?)'?")
_FORBIDDEN = "include, import and extends are not possible: a prompt is one template"


class _PromptCode(CodeGenerator):
    """Compiles `a ~ b` into a call of the environment, which has no hook of its own for it."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 - the library's name
        """Write the code for one chain of `~`."""
        self.write("environment.concat((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")


class _BoundedFormatter(SandboxedFormatter):
    """`"{:9}".format(…)`, once, which refuses to grow longer than any prompt."""

    chars = 0

    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format one field; its width may have been put together of others."""
        _refuse_large(tuple(map(int, re.findall(r"\d+", format_spec))))
        text = super().format_field(value, format_spec)
        self.chars += len(text)
        _refuse_large((self.chars,))
        return text


class _BoundedEscapeFormatter(_BoundedFormatter, SandboxedEscapeFormatter):
    """The same for a text that escapes what is put into it."""


class _PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, which refuses also to build what is longer than any prompt."""

    code_generator_class = _PromptCode
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.globals = {name: self.globals[name] for name in ("dict", "namespace", "range")}
        self.filters = {name: _bounded(function) for name, function in self.filters.items()}
        self.filters["format"] = _format

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the template, such as `"x".ljust(n)`."""
        _refuse_large((*args, *kwargs.values()))
        return super().call(context, function, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """A `str.format` or `str.format_map` with its widths bounded; None for anything else."""
        if super().wrap_str_format(value) is None:
            return None
        pattern = value.__self__

        def filled(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
            if isinstance(pattern, Markup):
                formatter: _BoundedFormatter = _BoundedEscapeFormatter(self, escape=pattern.escape)
            else:
                formatter = _BoundedFormatter(self)
            text: str = type(pattern)(formatter.vformat(pattern, args, kwargs))
            return text

        if value.__name__ == "format_map":
            return lambda mapping: filled((), mapping)
        return lambda *args, **kwargs: filled(args, kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add, multiply, raise to a power, or format by `%`."""
        match operator, left, right:
            case "+", str() | bytes() | list() | tuple(), str() | bytes() | list() | tuple():
                _refuse_large((len(left) + len(right),))
            case ("*", str() | bytes() | list() | tuple() as value, int(times)) | (
                "*",
                int(times),
                str() | bytes() | list() | tuple() as value,
            ):
                _refuse_large((len(value) * times,))
            case "**", int(), int():
                _refuse_large((left.bit_length() * right,), most=POWER_BITS)
            case "%", str(), _:
                _refuse_long_format(left, right)
            case "%", bytes(), _:
                _refuse_long_format(left.decode("latin-1"), right)
        return super().call_binop(context, operator, left, right)

    def concat(self, parts: Iterable[Any]) -> str:
        """Join the parts of `a ~ b`, of a macro, or of a `set` block."""
        texts = [str(part) for part in parts]
        _refuse_large((sum(map(len, texts)),))
        return "".join(texts)


class CompiledTemplate:
    """One Jinja2 template, ready to be rendered many times. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        environment = _PromptEnvironment()
        try:
            tree = environment.parse(source)
            self._template = environment.from_string(source)
        except TemplateSyntaxError as error:
            reason = str(error.message).rstrip(".")
            raise InvalidTemplate(line=error.lineno, reason=reason) from None
        except RecursionError:
            raise InvalidTemplate(line=1, reason="it is nested too deeply") from None
        if next(meta.find_referenced_templates(tree), "") != "":
            raise InvalidTemplate(line=1, reason=_FORBIDDEN)
        self.names = frozenset(meta.find_undeclared_variables(tree))
        """Every name that the template looks up, functions included."""

    def render(self, columns: Mapping[str, Any]) -> str:
        """The text for one document's columns, at most OUTPUT_CHARS long. Raises PromptFailed."""
        try:
            return self._rendered(columns)
        except PromptFailed:
            raise
        except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
            reason = (str(error) or type(error).__name__).replace("\0", "\\x00")
            raise PromptFailed(reason=reason[:REASON_CHARS].rstrip(".")) from None

    def undefined_name(self, columns: Mapping[str, Any]) -> str | None:
        """The name that is missing when these columns are rendered; None when they have all."""
        try:
            self._rendered(columns)
        except UndefinedError as error:
            found = _UNDEFINED_NAME.fullmatch(error.message or "")
            return found.group(1) or found.group(2) if found else error.message
        except Exception:  # noqa: BLE001 - another fault: this document's own, not a missing column
            return None
        return None

    def _rendered(self, columns: Mapping[str, Any]) -> str:
        values = {"row": columns, "range": _range_of_one_rendering(), **columns}
        return "".join(_up_to_the_limit(self._template.generate(values)))


def _up_to_the_limit(pieces: Iterator[str]) -> Iterator[str]:
    chars = 0
    for piece in pieces:
        chars += len(piece)
        if chars > OUTPUT_CHARS:
            raise PromptFailed(reason=f"it grows above {OUTPUT_CHARS} characters")
        yield piece


def _range_of_one_rendering() -> Callable[..., range]:
    """`range`, as long as the steps of all its loops stay within LOOP_STEPS."""
    steps = 0

    def counted(*bounds: int) -> range:
        nonlocal steps
        numbers = range(*bounds)
        steps += len(numbers)
        if steps > LOOP_STEPS:
            raise SecurityError(f"its range loops take more than {LOOP_STEPS} steps")
        return numbers

    return counted


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, which refuses widths and counts longer than any prompt."""

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        _refuse_large((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return filtered


def _format(value: object, *args: Any, **kwargs: Any) -> Any:
    """The filter `format`: `%` by another name."""
    pattern, values = soft_str(value), kwargs or args
    _refuse_long_format(pattern, values)
    return pattern % values


def _refuse_long_format(pattern: str, values: Any) -> None:
    """Refuse `pattern % values` when its widths, or the texts put into it, are together longer than any prompt."""
    repeats = isinstance(values, Mapping)
    given = list(values.values()) if repeats else list(values) if type(values) is tuple else [values]
    fields = [(found["width"], found["precision"]) for found in _PERCENT.finditer(pattern)]
    widths = sum(int(number) for pair in fields for number in pair if number and number != "*")
    if any("*" in pair for pair in fields):
        widths += sum(abs(value) for value in given if isinstance(value, int))
    texts = [len(value) for value in given if isinstance(value, (str, bytes))]
    # A mapping's value can be asked for again and again, one of a tuple only once.
    texts_length = max(texts, default=0) * len(fields) if repeats else sum(texts)
    _refuse_large((len(pattern) + widths + texts_length,))


def _refuse_large(values: tuple[Any, ...], most: int = OUTPUT_CHARS) -> None:
    for value in values:
        if isinstance(value, int) and value > most:
            raise SecurityError(f"the number {value} is too large here")
