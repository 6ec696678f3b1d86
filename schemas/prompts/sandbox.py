"""Jinja2 within the limits of a prompt: no files, no private attributes, and only operations whose cost is known."""

from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinMethodType, MethodType
from typing import Any

from jinja2 import StrictUndefined, nodes, pass_context, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import _GroupTuple
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from qwenq.schemas.prompts.budget import LOOP_STEPS, NUMBER_BITS, budget, refuse_large
from qwenq.schemas.prompts.comparing import allowed_tests, compared
from qwenq.schemas.prompts.filters import allowed_filters, refuse_odd_keys
from qwenq.schemas.prompts.formats import BoundFormat, percent
from qwenq.schemas.prompts.methods import METHODS, method_work, refusal

CALL_STEPS = 4  # a macro takes four times as long as a turn of a loop
_NUMBERS = (int, float, complex)
_ABSENT = object()
# Filters that the sandbox puts into a template; no template can write these names.
_HELD, _COUNTED, _CONCAT, _COMPARED, _METHOD = " held", " counted", " concat", " compared", " method"


class Bounds(NodeTransformer):
    """Makes loops, comparisons and composed values spend the budget: Jinja2 has no hook for them."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - the library's name
        """Spend a step for each turn of a loop."""
        self.generic_visit(node)
        node.iter = _through(_COUNTED, node.iter)
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802
        """Call the method in `order.items()`, also where `order` has a key `items`: no value of a row can be called."""
        self.generic_visit(node)
        if isinstance(node.node, nodes.Getattr):
            called = node.node
            name = nodes.Const(called.attr, lineno=called.lineno)
            node.node = nodes.Filter(called.node, _METHOD, [name], [], None, None, lineno=called.lineno)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Measure what is compared."""
        self.generic_visit(node)
        node.expr = _through(_COMPARED, node.expr)
        for operand in node.ops:
            operand.expr = _through(_COMPARED, operand.expr)
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


def _through(name: str, node: Any) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox: an allowlist of operations, each charged before it runs. Nothing runs while it compiles."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})
    intercepted_unops = frozenset({"+", "-"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
            # No constants are folded: their work would be charged to nobody.
            optimized=False,
        )
        self.globals = {"dict": _dict, "namespace": _namespace, "range": _range}
        filters: dict[str, Any] = {
            **allowed_filters(),
            _HELD: lambda value: budget().hold(value),
            _COUNTED: _counted,
            _CONCAT: self.concat,
            _COMPARED: compared,
            _METHOD: self._method,
        }
        tests: dict[str, Any] = allowed_tests()
        self.filters, self.tests = filters, tests

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a key of a dict, else a method on the list, else an item."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return self._method(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: an item, else a method on the list."""
        try:
            return obj[argument]
        except (TypeError, LookupError):
            if not isinstance(argument, str):
                return self.undefined(obj=obj, name=argument)
        found = self._attribute(obj, argument)
        return self._missing(obj, argument) if found is _ABSENT else found

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the template, such as `"x".ljust(n)`."""
        spent = budget()
        spent.step(CALL_STEPS)
        spent.charge(100 * len(args))
        args = tuple(map(spent.listed, args))
        self._charge_call(function, args, kwargs)
        if isinstance(function, LoopContext):
            args = tuple(map(spent.counted, args))
        return spent.hold(super().call(context, function, *args, **kwargs))

    def wrap_str_format(self, value: Any) -> Any:
        """Bound the widths of a `str.format` or `str.format_map`; None for anything else."""
        is_method = isinstance(value, (BuiltinMethodType, MethodType)) and isinstance(value.__self__, str)
        if is_method and value.__name__ in {"format", "format_map"}:
            return BoundFormat(self, value.__self__, value.__name__)
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers, and add, repeat or format texts and lists."""
        match operator, left, right:
            case "%", str(), _:
                return budget().hold(percent(left, right))
            case "+", str() | list() | tuple(), str() | list() | tuple():
                refuse_large((len(left) + len(right),))
            case ("*", str() | list() | tuple() as value, int(times)) | (
                "*",
                int(times),
                str() | list() | tuple() as value,
            ):
                refuse_large((len(value) * times,))
            case "**", int(), int():
                refuse_large((left.bit_length() * right,), NUMBER_BITS)
            case _ if not isinstance(left, (*_NUMBERS, Undefined)) or not isinstance(
                right, (*_NUMBERS, Undefined)
            ):
                raise SecurityError(
                    f"{type(left).__name__!r} {operator} {type(right).__name__!r} is not possible in a template"
                )
        return budget().hold(super().call_binop(context, operator, left, right))

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """Change the sign of a number."""
        if not isinstance(arg, (*_NUMBERS, Undefined)):
            raise SecurityError(f"{operator} {type(arg).__name__!r} is not possible in a template")
        return super().call_unop(context, operator, arg)

    def concat(self, parts: Iterable[Any]) -> str:
        """Join the parts of `a ~ b`, a macro, or a `set` block."""
        texts, chars = [], 0
        for part in parts:
            text = budget().shown(part)
            chars += len(text)
            refuse_large((chars,))
            texts.append(text)
        return str(budget().hold("".join(texts)))

    def _method(self, obj: Any, attribute: str) -> Any:
        """A method on the list, else an item."""
        found = _ABSENT
        if type(obj) is not dict or attribute in METHODS[dict]:
            found = self._attribute(obj, attribute)
        if found is not _ABSENT:
            return found
        try:
            return obj[attribute]
        except (TypeError, LookupError):
            return self._missing(obj, attribute)

    def _attribute(self, obj: Any, attribute: str) -> Any:
        """An attribute that a template may use, also null in a namespace; _ABSENT if there is none of this name."""
        if isinstance(obj, (*_OPEN, Undefined)):
            return super().getattr(obj, attribute)
        if attribute not in METHODS.get(type(obj), ()):
            return _ABSENT
        method = getattr(obj, attribute)
        return self.wrap_str_format(method) or method

    def _missing(self, obj: Any, attribute: str) -> Undefined:
        if attribute.startswith("_"):
            return self.unsafe_undefined(obj, attribute)
        if hasattr(type(obj), attribute):
            return self.undefined(refusal(obj, attribute), obj=obj, name=attribute, exc=SecurityError)
        return self.undefined(obj=obj, name=attribute)

    def _charge_call(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Charge what a call takes. Raises SecurityError for a function that is not on the list."""
        owner = getattr(function, "__self__", None)
        if isinstance(function, (BuiltinMethodType, MethodType)) and type(owner) in METHODS:
            if isinstance(owner, str):
                refuse_large((*args, *kwargs.values()))
            budget().charge(method_work(owner, function.__name__, args, kwargs))
        elif isinstance(owner, LoopContext):
            budget().charge(4 * budget().measured(args).chars)
        elif not isinstance(function, _CALLED) and not any(
            function is one for one in (_dict, _namespace, _range)
        ):
            raise SecurityError(f"a value of the type {type(function).__name__!r} cannot be called")


_OPEN = (LoopContext, Macro, Namespace, TemplateReference, BlockReference, _GroupTuple)
_CALLED = (LoopContext, Macro, BlockReference, BoundFormat, Undefined)


@pass_eval_context
def _shown(_: Any, value: Any) -> str:
    """A value as text. That it asks for the context keeps Jinja2 from showing constants while it compiles."""
    return budget().shown(value)


@pass_context
def _counted(_: Context, values: Iterable[Any]) -> Iterator[Any]:
    return budget().counted(values)


def _range(*bounds: int) -> range:
    """`range` with at most LOOP_STEPS numbers."""
    refuse_large(bounds)
    numbers = range(*bounds)
    if len(numbers) > LOOP_STEPS:
        raise SecurityError(f"its range loops take more than {LOOP_STEPS} steps")
    return numbers


def _dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """`dict`, whose keys have hashes that nobody can make the same."""
    for pairs in args:
        budget().charge(4 * budget().measured(pairs).chars)
        refuse_odd_keys(pairs if isinstance(pairs, Mapping) else [key for key, _ in pairs])
    return dict(*args, **kwargs)


def _namespace(*args: Any, **kwargs: Any) -> Namespace:
    return Namespace(_dict(*args, **kwargs))
