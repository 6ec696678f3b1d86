"""Which templates are plain: each of their operations takes time in proportion to the document, or less.

A plain template is rendered where the interpreter's lock is shared with generation. Any other goes to a confined
process. Both spend the same budget; this is for what the budget may not know.
"""

from jinja2 import nodes

_NODES = (
    *(
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.Name,
        nodes.Const,
        nodes.Getattr,
        nodes.Getitem,
    ),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test),
    *(nodes.Filter, nodes.Keyword, nodes.List, nodes.Assign, nodes.For, nodes.Concat, nodes.Call),
    *(nodes.Add, nodes.Sub),
)
_FILTERS = frozenset(
    {
        *("capitalize", "count", "d", "default", "e", "escape", "first", "join", "last", "length", "list"),
        *("lower", "replace", "string", "tojson", "trim", "truncate", "upper"),
    }
)
_TESTS = frozenset(
    {
        *(
            "defined",
            "undefined",
            "none",
            "boolean",
            "true",
            "false",
            "integer",
            "float",
            "string",
            "mapping",
        ),
        *("number", "sequence", "iterable", "in", "eq", "equalto", "==", "ne", "!="),
    }
)
_METHODS = frozenset(
    {
        *("endswith", "get", "items", "keys", "lower", "lstrip", "replace", "rstrip", "startswith", "strip"),
        *("upper", "values"),
    }
)
_LONGEST_ARGUMENT = 16


def is_plain(tree: nodes.Template) -> bool:
    """Whether a template is plain."""
    return all(map(_is_plain, _within(tree)))


def _within(node: nodes.Node) -> list[nodes.Node]:
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += one.iter_child_nodes()
    return found


def _is_plain(node: nodes.Node) -> bool:
    match node:
        case nodes.For():
            within = [one for body in node.body for one in _within(body)]
            return not node.recursive and not any(isinstance(one, nodes.For) for one in within)
        case nodes.Filter():
            return node.node is not None and node.name in _FILTERS and _has_short_arguments(node)
        case nodes.Call():
            called = node.node
            return (
                isinstance(called, nodes.Getattr) and called.attr in _METHODS and _has_short_arguments(node)
            )
        case nodes.Test(name=name):
            is_known = name in _TESTS
        case nodes.Getitem(arg=arg):
            is_known = isinstance(arg, nodes.Const)
        case nodes.Tuple(ctx=ctx):
            is_known = ctx == "store"
        case _:
            is_known = isinstance(node, _NODES)
    return is_known


def _has_short_arguments(node: nodes.Filter | nodes.Call) -> bool:
    """Whether all arguments are short constants; those of `default` may be anything."""
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        return False
    if isinstance(node, nodes.Filter) and node.name in {"d", "default"}:
        return True
    values = [*node.args, *(keyword.value for keyword in node.kwargs)]
    return all(
        isinstance(value, nodes.Const) and len(str(value.value)) <= _LONGEST_ARGUMENT for value in values
    )
