"""Jinja2 as far as a prompt needs it: no files, no private attributes, no rendering without end."""

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
CALL_STEPS = 4  # a macro takes so much longer than a turn of a loop
# Of HTML, or another text each time: nothing that a prompt needs, and the first two take longer than any prompt may.
_LEFT_OUT = frozenset({"urlize", "xmlattr", "pprint", "random"})
# The largest number that these filters take, where it costs more than a character.
_MOST = {"round": 300, "batch": 100_000, "slice": 100_000}
_UNDEFINED_NAME = re.compile(r"'(\w+)' is undefined|.* has no (?:attribute|element) '?(.+?)'?")
_FORBIDDEN = "include, import and extends are not possible: a prompt is one template"
# Names that no template can write: what the sandbox itself puts into one.
_HELD, _COUNTED, _CONCAT = " held", " counted", " concat"


class _Bounds(NodeTransformer):
    """Leads through the budget what has no hook of its own: loops, and values that a template puts together."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the library's name
        """Each turn of a loop is a step."""
        self.generic_visit(node)
        node.iter = _through(_COUNTED, node.iter)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Measure `a ~ b` before it is joined."""
        self.generic_visit(node)
        return _through(_CONCAT, nodes.List(node.nodes, lineno=node.lineno))

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        """A tuple is a value, unless it is what values are assigned to."""
        self.generic_visit(node)
        return _through(_HELD, node) if node.ctx == "load" else node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """A slice copies what it is cut from."""
        self.generic_visit(node)
        return _through(_HELD, node) if isinstance(node.arg, nodes.Slice) else node

    def visit_List(self, node: nodes.Node) -> nodes.Node:  # noqa: N802
        """A list may hold another many times over; so may a dict."""
        self.generic_visit(node)
        return _through(_HELD, node)

    visit_Dict = visit_List  # noqa: N815


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, which refuses also to build what is longer than any prompt."""

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
        """A `str.format` or `str.format_map` with its widths bounded; None for anything else."""
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
        """Join the parts of `a ~ b`, of a macro, or of a `set` block."""
        texts = [str(part) for part in parts]
        refuse_large((sum(map(len, texts)),))
        return str(budget().hold("".join(texts)))


class CompiledTemplate:
    """One Jinja2 template, ready to be rendered many times. Raises InvalidTemplate."""

    def __init__(self, source: str) -> None:
        environment = _PromptEnvironment()
        try:
            tree = environment.parse(source)
            _refuse_other_templates(tree)
            self.names = frozenset(meta.find_undeclared_variables(tree))
            """Every name that the template looks up, functions included."""
            self._template = environment.from_string(_Bounds().visit(tree))
        except InvalidTemplate:
            raise
        except TemplateSyntaxError as error:
            raise InvalidTemplate(line=error.lineno, reason=_told(error)) from None
        except RecursionError:
            raise InvalidTemplate(line=1, reason="it is nested too deeply") from None
        except Exception as error:  # noqa: BLE001 - what Jinja2 lets pass, Python may refuse in many ways
            raise InvalidTemplate(line=1, reason=_told(error)) from None

    def render(self, columns: Mapping[str, Any]) -> str:
        """The text for one document's columns, at most OUTPUT_CHARS long. Raises PromptFailed."""
        try:
            return self._rendered(columns)
        except PromptFailed:
            raise
        except Exception as error:  # noqa: BLE001 - a template can raise whatever Python can
            raise PromptFailed(reason=_told(error)) from None

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


def _told(error: Exception) -> str:
    """What a library says is wrong, as a reason that a person can read and any store takes."""
    reason = (str(error) or type(error).__name__).replace("\0", "\\x00")
    return reason[:REASON_CHARS].encode("utf-8", "backslashreplace").decode().rstrip(".")


def _range(*bounds: int) -> range:
    """`range`, of no more numbers than a rendering has steps."""
    numbers = range(*bounds)
    if len(numbers) > LOOP_STEPS:
        raise SecurityError(f"its range loops take more than {LOOP_STEPS} steps")
    return numbers


@pass_context
def _counted(_: Context, values: Iterable[Any]) -> Iterator[Any]:
    return budget().counted(values)


def _listed(value: Any) -> Any:
    """What comes one by one, as a list that can be measured; a loop stays what it is."""
    if isinstance(value, Iterator) and not isinstance(value, LoopContext):
        return budget().hold(list(budget().counted(value)))
    return value


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The same filter, which refuses numbers and results that are longer than any prompt."""
    most = _MOST.get(name, OUTPUT_CHARS)
    outgrow = growth.FILTERS.get(name)
    told = int(hasattr(function, "jinja_pass_arg"))  # Jinja2 itself gives such a filter its first argument

    @wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        spent = budget()
        spent.step()
        args = (*args[:told], *map(_listed, args[told:]))
        refuse_large((*args, *kwargs.values()), most)
        if outgrow is not None:
            refuse_large((outgrow(*args[told:], **kwargs),))
        return spent.hold(function(*args, **kwargs))

    return filtered


def _counting(test: Callable[..., Any]) -> Callable[..., Any]:
    """The same test, each of which is a step: `select` makes many."""

    @wraps(test)
    def tested(*args: Any, **kwargs: Any) -> Any:
        budget().step()
        return test(*args, **kwargs)

    return tested
