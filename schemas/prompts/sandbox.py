"""Jinja2 within the limits of a prompt: no files, no private attributes, bounded time and memory."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from qwenq.schemas.errors import InvalidTemplate, PromptFailed
from qwenq.schemas.prompts import growth
from qwenq.schemas.prompts.budget import (
    LOOP_STEPS,
    NUMBER_BITS,
    OUTPUT_CHARS,
    budget,
    new_budget,
    refuse_large,
)

REASON_CHARS = 300
CALL_STEPS = 4  # a macro takes four times as long as a turn of a loop
# A prompt needs neither HTML nor random text; the first two are also too slow.
_LEFT_OUT = frozenset({"urlize", "xmlattr", "pprint", "random"})
# The largest number for filters in which a number costs more than a character.
_MOST = {"round": 300, "batch": 100_000, "slice": 100_000}
_UNDEFINED_NAME = re.compile(r"'(\w+)' is undefined|.* has no (?:attribute|element) '?(.+?)'?")
_FORBIDDEN = "include, import and extends are not supported: a prompt is one template"
# Filters that the sandbox puts into a template; no template can write these names.
_HELD, _COUNTED, _CONCAT = " held", " counted", " concat"


class _Bounds(NodeTransformer):
    """Makes loops and composed values spend the budget: Jinja2 has no hook for them."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the library's name
        """Spend a step for each turn of a loop."""
        self.generic_visit(node)
        node.iter = _through(_COUNTED, node.iter)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Measure `a ~ b` before joining it."""
        self.generic_visit(node)
        return _through(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        """Measure a tuple, unless it is the target of an assignment."""
        self.generic_visit(node)
        return _through(_HELD, node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """Measure a slice, since it is a copy."""
        self.generic_visit(node)
        return _through(_HELD, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        """Measure a list or dict: it may hold another many times."""
        self.generic_visit(node)
        return _through(_HELD, node)

    visit_Dict = visit_List  # noqa: N815


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox. It also refuses to build values longer than the longest prompt."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: budget().hold(value),
        )
        self.globals = {"dict": dict, "namespace": self.globals["namespace"], "range": _range}
        self.policies = {**self.policies, "json.dumps_function": growth.dumped}
        filters = {**self.filters, "format": growth.format_filter}
        self.filters = {
            _HELD: lambda value: budget().hold(value),
            _COUNTED: _counted,
            _CONCAT: self.concat,
            **{name: _bounded(name, one) for name, one in filters.items() if name not in _LEFT_OUT},
        }
        tests: dict[str, Any] = self.tests
        self.tests = {name: _counting(test) for name, test in tests.items()}

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the template, such as `"x".ljust(n)`."""
        spent = budget()
        spent.step(CALL_STEPS)
        refuse_large((*args, *kwargs.values()))
        args = tuple(map(_listed, args))
        if isinstance(function, LoopContext):
            args = tuple(map(spent.counted, args))
        growth.refuse_growth(function, args, kwargs)
        return spent.hold(super().call(context, function, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Bound the widths of a `str.format` or `str.format_map`; None for anything else."""
        if super().wrap_str_format(value) is None:
            return None
        pattern = value.__self__
        if value.__name__ == "format_map":
            return lambda mapping: growth.formatted(self, pattern, (), mapping)
        return lambda *args, **kwargs: growth.formatted(self, pattern, args, kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Add, multiply, raise to a power, or format by `%`."""
        match operator, left, right:
            case "+", str() | bytes() | list() | tuple(), str() | bytes() | list() | tuple():
                refuse_large((len(left) + len(right),))
            case ("*", str() | bytes() | list() | tuple() as value, int(times)) | (
                "*",
                int(times),
                str() | bytes() | list() | tuple() as value,
            ):
                refuse_large((len(value) * times,))
            case "**", int(), int():
                refuse_large((left.bit_length() * right,), NUMBER_BITS)
            case "%", str(), _:
                growth.refuse_long_format(left, right)
            case "%", bytes(), _:
                growth.refuse_long_format(left.decode("latin-1"), right)
        return budget().hold(super().call_binop(context, operator, left, right))

    def concat(self, parts: Iterable[Any]) -> str:
        """Join the parts of `a ~ b`, a macro, or a `set` block."""
        texts = [str(part) for part in parts]
        refuse_large((sum(map(len, texts)),))
        return str(budget().hold("".join(texts)))


class CompiledTemplate:
    """A Jinja2 template, compiled once to be rendered many times. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        environment = _PromptEnvironment()
        try:
            tree = environment.parse(source)
            _refuse_other_templates(tree)
            self.names = frozenset(meta.find_undeclared_variables(tree))
            """All names that the template uses, functions included."""
            self._template = environment.from_string(_Bounds().visit(tree))
        except InvalidTemplate:
            raise
        except TemplateSyntaxError as error:
            raise InvalidTemplate(line=error.lineno, reason=_reason(error)) from None
        except RecursionError:
            raise InvalidTemplate(line=1, reason="it is nested too deeply") from None
        except Exception as error:  # noqa: BLE001 - Python may refuse what Jinja2 accepts, in many ways
            raise InvalidTemplate(line=1, reason=_reason(error)) from None

    def render(self, columns: Mapping[str, Any]) -> str:
        """Render the text for one document's columns, at most OUTPUT_CHARS. Raises PromptFailed."""
        try:
            return self._rendered(columns)
        except PromptFailed:
            raise
        except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
            raise PromptFailed(reason=_reason(error)) from None

    def undefined_name(self, columns: Mapping[str, Any]) -> str | None:
        """A name that is missing in these columns; None if nothing is missing."""
        try:
            self._rendered(columns)
        except UndefinedError as error:
            found = _UNDEFINED_NAME.fullmatch(error.message or "")
            return found.group(1) or found.group(2) if found else error.message
        except Exception:  # noqa: BLE001 - not a missing column, but a fault of this document
            return None
        return None

    def _rendered(self, columns: Mapping[str, Any]) -> str:
        with new_budget():
            return "".join(_up_to_the_limit(self._template.generate({"row": columns, **columns})))


def _refuse_other_templates(tree: nodes.Template) -> None:
    if next(meta.find_referenced_templates(tree), "") != "":
        raise InvalidTemplate(line=1, reason=_FORBIDDEN)


def _up_to_the_limit(pieces: Iterator[str]) -> Iterator[str]:
    chars = 0
    for piece in pieces:
        chars += len(piece)
        if chars > OUTPUT_CHARS:
            raise PromptFailed(reason=f"it grows above {OUTPUT_CHARS} characters")
        yield piece


def _reason(error: Exception) -> str:
    """What a library says is wrong, shortened, as text that every store accepts."""
    reason = (str(error) or type(error).__name__).replace("\0", "\\x00")
    return reason[:REASON_CHARS].encode("utf-8", "backslashreplace").decode().rstrip(".")


def _range(*bounds: int) -> range:
    """`range` with at most LOOP_STEPS numbers."""
    numbers = range(*bounds)
    if len(numbers) > LOOP_STEPS:
        raise SecurityError(f"its range loops take more than {LOOP_STEPS} steps")
    return numbers


@pass_context
def _counted(_: Context, values: Iterable[Any]) -> Iterator[Any]:
    return budget().counted(values)


def _listed(value: Any) -> Any:
    """Turn an iterator into a list, which can be measured; a loop stays as it is."""
    if isinstance(value, Iterator) and not isinstance(value, LoopContext):
        return budget().hold(list(budget().counted(value)))
    return value


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a filter refuse numbers and results that are too large."""
    most = _MOST.get(name, OUTPUT_CHARS)
    outgrow = growth.FILTERS.get(name)
    passed = int(hasattr(function, "jinja_pass_arg"))  # Jinja2 passes such a filter its first argument

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        spent = budget()
        spent.step()
        args = (*args[:passed], *map(_listed, args[passed:]))
        refuse_large((*args, *kwargs.values()), most)
        if outgrow is not None:
            refuse_large((outgrow(*args[passed:], **kwargs),))
        return spent.hold(function(*args, **kwargs))

    return filtered


def _counting(test: Callable[..., Any]) -> Callable[..., Any]:
    """Make a test spend a step: `select` makes many tests."""

    @wraps(test)
    def tested(*args: Any, **kwargs: Any) -> Any:
        budget().step()
        return test(*args, **kwargs)

    return tested
