"""Which chat templates are ordinary: rendering a short conversation with one takes little time and memory.

A template is a program of the checkpoint. Qwen's and most others only loop over messages, compare and join texts. All
others are tried in a process that can be killed, with each conversation.
"""

from functools import lru_cache

from jinja2 import TemplateError, nodes

from qwenq.worker.engines.chat_templates import chat_environment

_NODES = (
    *(
        nodes.Template,
        nodes.Output,
        nodes.TemplateData,
        nodes.Const,
        nodes.Getattr,
        nodes.Getitem,
        nodes.Slice,
    ),
    *(nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Test),
    *(nodes.Keyword, nodes.List, nodes.Dict, nodes.Pair, nodes.Tuple, nodes.NSRef, nodes.Sub, nodes.Neg),
    *(nodes.Name, nodes.Add, nodes.Concat, nodes.Assign, nodes.Break, nodes.Continue),
)
_FILTERS = frozenset(
    {
        "capitalize",
        "default",
        "first",
        "items",
        "last",
        "length",
        "list",
        "lower",
        "string",
        "tojson",
        "trim",
        "upper",
    }
)
_METHODS = frozenset(
    {
        *(
            "endswith",
            "get",
            "items",
            "keys",
            "lower",
            "lstrip",
            "rstrip",
            "split",
            "startswith",
            "strip",
            "upper",
        ),
        *("title", "capitalize", "find", "isdigit", "values"),
    }
)
_FUNCTIONS = frozenset({"namespace", "raise_exception", "strftime_now"})
_COPIES = 64
"""The most times that a text of the conversation may be repeated, by joining it with itself."""


@lru_cache(maxsize=16)
def is_ordinary(template: str) -> bool:
    """Whether a chat template is ordinary."""
    try:
        tree = chat_environment().parse(template)
    except (TemplateError, RecursionError):
        return False
    return all(map(_is_ordinary, tree.find_all(nodes.Node))) and _copies_little(tree)


def _is_ordinary(node: nodes.Node) -> bool:
    match node:
        case nodes.For():
            return not node.recursive and all(_is_inside(inner, node) for inner in _loops_in(node))
        case nodes.Filter(name=name):
            return node.node is not None and name in _FILTERS
        case nodes.Call(node=called):
            return _is_known(called)
        case nodes.Assign(target=nodes.NSRef(), node=value):
            # Only a namespace outlives a turn of a loop, so it could double its text with each.
            return not any(map(_joins, _with_inner(value)))
        case _:
            return isinstance(node, _NODES)


def _joins(node: nodes.Node) -> bool:
    """Whether it may join texts. To count, a template adds a number."""
    if isinstance(node, nodes.Add):
        return not any(
            isinstance(one, nodes.Const) and isinstance(one.value, int) for one in (node.left, node.right)
        )
    return isinstance(node, nodes.Concat)


def _is_known(called: nodes.Node) -> bool:
    if isinstance(called, nodes.Getattr):
        return called.attr in _METHODS
    return isinstance(called, nodes.Name) and called.name in _FUNCTIONS


def _loops_in(node: nodes.For) -> list[nodes.For]:
    return [
        inner
        for part in (*node.body, *node.else_)
        for inner in _with_inner(part)
        if isinstance(inner, nodes.For)
    ]


def _is_inside(inner: nodes.For, outer: nodes.For) -> bool:
    """Whether a loop goes through a part of what the outer loop is at: then both together take linear time."""
    names = {one.name for one in _with_inner(outer.target) if isinstance(one, nodes.Name)}
    used = {one.name for one in _with_inner(inner.iter) if isinstance(one, nodes.Name)}
    return used <= names


def _copies_little(tree: nodes.Template) -> bool:
    """Whether no chain of assignments repeats a text very often: `a = b + b`, `c = a + a`, and so on."""
    copies: dict[str, int] = {}
    for assigned in tree.find_all(nodes.Assign):
        if isinstance(assigned.target, nodes.Name):
            names = [one.name for one in _with_inner(assigned.node) if isinstance(one, nodes.Name)]
            joins = any(isinstance(one, nodes.Add | nodes.Concat) for one in _with_inner(assigned.node))
            each = [copies.get(name, 1) for name in names] or [1]
            now = sum(each) if joins else max(each)
            copies[assigned.target.name] = max(now, copies.get(assigned.target.name, 1))
    return max(copies.values(), default=1) <= _COPIES


def _with_inner(node: nodes.Node) -> list[nodes.Node]:
    return [node, *node.find_all(nodes.Node)]
