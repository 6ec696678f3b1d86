"""Which columns a template reads, and for which of them it says itself what an empty one means."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

ROW = "row"
_NAMED = 5
_TRUTH_FILTERS = frozenset({"trim", "string", "length", "count", "d", "default"})


@dataclass(frozen=True, slots=True)
class UsedColumns:
    """The columns that a template reads by name, or as `row["name"]`; `whole` if it also reads the row as a whole.

    `handled` are those that a condition asks whether they are empty, `trimmed` those that one asks for more than white
    space; `filled` have a default in the place of null.
    """

    names: frozenset[str]
    whole: bool
    handled: frozenset[str]
    trimmed: frozenset[str]
    filled: frozenset[str]

    def emptiness(self, columns: Mapping[str, Any], text_column: str, beside: Collection[str]) -> str | None:
        """Why there is nothing to ask about in these columns; None if there is something.

        The text column must hold text if the template reads it by name. Otherwise one column that it reads must hold a
        value; those `beside` the document, such as its id, do not count. A template that says itself what an empty
        column means is asked in any case.
        """
        if text_column in self.names and text_column in columns:
            value = columns[text_column]
            if not _is_blank(value) or self._says_what_is_meant(text_column, value):
                return None
            return f"the column {text_column!r} is {'null' if value is None else 'empty'}"
        read = [
            name
            for name in (columns if self.whole else self.names & columns.keys())
            if name not in beside or name == text_column
        ]
        if not read or any(
            not _is_blank(columns[name]) or self._says_what_is_meant(name, columns[name]) for name in read
        ):
            return None
        named = ", ".join(map(repr, sorted(read)[:_NAMED]))
        return f"the template reads {named}, and there is no text"

    def _says_what_is_meant(self, name: str, value: Any) -> bool:
        if isinstance(value, str) and value:  # white space is true for a condition
            return name in self.trimmed
        return name in self.handled or (value is None and name in self.filled)


def used_columns(tree: nodes.Template) -> UsedColumns:
    """Look at a template before anything renders it."""
    names: set[str] = set()
    handled: set[str] = set()
    trimmed: set[str] = set()
    filled: set[str] = set()
    through: set[int] = set()
    whole = False
    waiting: list[nodes.Node] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += node.iter_child_nodes()
        if isinstance(node, nodes.If | nodes.CondExpr | nodes.Or):
            test = node.left if isinstance(node, nodes.Or) else node.test
            handled |= set(_asked(test))
            trimmed |= {name for inner in _trims(test) for name in _asked(inner)}
        elif isinstance(node, nodes.Filter) and node.name in {"d", "default"} and node.args:
            (handled if len(node.args) > 1 or node.kwargs else filled).update(_given(node))
        name = _column(node)
        if name is None:
            continue
        if isinstance(node, nodes.Name):
            whole = whole or (name == ROW and id(node) not in through)
        else:
            through |= {id(inner) for inner in node.find_all(nodes.Name)}
        names.add(name)
    if not whole:
        names.discard(ROW)
    names -= constants(tree)
    return UsedColumns(frozenset(names), whole, frozenset(handled), frozenset(trimmed), frozenset(filled))


def constants(tree: nodes.Template) -> frozenset[str]:
    """The names that the template sets to a value of its own, at its top: they stand for no column."""
    return frozenset(
        one.target.name
        for one in tree.body
        if isinstance(one, nodes.Assign)
        and isinstance(one.target, nodes.Name)
        and isinstance(one.node, nodes.Const)
    )


def _column(node: nodes.Node) -> str | None:
    """The column that an expression is: `name`, `row.name`, `row["name"]`, `row.get("name")`."""
    match node:
        case nodes.Name(name=name, ctx="load"):
            return str(name)
        case nodes.Getattr(node=nodes.Name(name="row"), attr=attr) if attr not in {
            "get",
            "items",
            "keys",
            "values",
        }:
            return str(attr)
        case nodes.Getitem(node=nodes.Name(name="row"), arg=nodes.Const(value=str() as name)):
            return name
        case nodes.Call(
            node=nodes.Getattr(node=nodes.Name(name="row"), attr="get"),
            args=[nodes.Const(value=str() as name), *_],
        ):
            return name
    return None


def _given(node: nodes.Filter) -> Iterator[str]:
    """The column for which a default is given that is not empty."""
    name = None if node.node is None else _column(node.node)
    default = node.args[0]
    is_empty = isinstance(default, nodes.Const) and not str(default.value or "").strip()
    if name is not None and not is_empty:
        yield name


def _trims(test: nodes.Node) -> list[nodes.Filter]:
    found = [*test.find_all(nodes.Filter), *([test] if isinstance(test, nodes.Filter) else [])]
    return [one for one in found if one.name == "trim"]


def _asked(test: nodes.Node) -> Iterator[str]:
    """The columns that a condition asks whether they are empty: `text`, `not text`, `text is none`, `text == ""`."""
    name = _column(test)
    match test:
        case _ if name is not None:
            yield name
        case nodes.Not(node=inner):
            yield from _asked(inner)
        case nodes.And(left=left, right=right) | nodes.Or(left=left, right=right):
            yield from _asked(left)
            yield from _asked(right)
        case nodes.Filter(node=nodes.Node() as inner, name=filtered) if filtered in _TRUTH_FILTERS:
            yield from _asked(inner)
        case nodes.Test(node=inner, name="none"):
            yield from _asked(inner)
        case nodes.Compare(expr=inner, ops=[nodes.Operand(expr=nodes.Const(value=value))]) if not value:
            yield from _asked(inner)


def _is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value in ([], {})
