"""Jinja2 as far as a prompt needs it: no files, no private attributes, no rendering without end."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from schemas.errors import InvalidTemplate, PromptFailed

OUTPUT_CHARS = 4 * 1024 * 1024
"""The longest prompt that is rendered."""
LOOP_STEPS = 1_000_000
"""How many steps the `range` loops of one rendering may take together."""
POWER_BITS = 10_000
REASON_CHARS = 300
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


class _PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, which refuses also to build what is longer than any prompt."""

    code_generator_class = _PromptCode
    intercepted_binops = frozenset({"+", "*", "**"})

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        self.globals = {name: self.globals[name] for name in ("dict", "namespace", "range")}
        self.filters = {name: _bounded(function) for name, function in self.filters.items()}

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the template, such as `"x".ljust(n)`."""
        _refuse_large((*args, *kwargs.values()))
        return super().call(context, function, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add, multiply, or raise to a power."""
        match operator, left, right:
            case "+", str() | list() | tuple(), str() | list() | tuple():
                _refuse_large((len(left) + len(right),))
            case ("*", str() | list() | tuple() as value, int(times)) | (
                "*",
                int(times),
                str() | list() | tuple() as value,
            ):
                _refuse_large((len(value) * times,))
            case "**", int(), int():
                _refuse_large((left.bit_length() * right,), most=POWER_BITS)
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


def _refuse_large(values: tuple[Any, ...], most: int = OUTPUT_CHARS) -> None:
    for value in values:
        if isinstance(value, int) and value > most:
            raise SecurityError(f"the number {value} is too large here")
