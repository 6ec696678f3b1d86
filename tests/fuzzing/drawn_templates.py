"""Templates drawn from a grammar of all that the sandbox allows, with extreme arguments."""

from collections.abc import Callable, Mapping
from random import Random

from tests.fuzzing.scales import Scale
from tests.fuzzing.vocabulary import (
    ANY,
    FILTERS,
    LARGE_ATOMS,
    LIST,
    LIST_FILTERS,
    LIST_METHODS,
    METHOD_NAMES,
    NUMBER,
    NUMBER_FILTERS,
    NUMBER_METHODS,
    PATH,
    SINGLE_FILTERS,
    TESTS,
    TEXT,
    TEXT_FILTERS,
    TEXT_METHODS,
)

_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or")
_DEEPEST = 4
_ODD = 0.03
"""How often something of another kind stands where a kind is expected."""


class TemplateDrawing:
    """Draws templates; the same ones for the same seed."""

    def __init__(self, seed: str, scale: Scale) -> None:
        self._random = Random(seed)
        self._scale = scale
        self._statements: tuple[Callable[[int], str], ...] = (
            self._output,
            self._output,
            self._loop,
            self._condition,
            self._assignment,
            self._macro,
            self._block,
            self._growth,
        )

    def template(self) -> str:
        """A template of a few statements."""
        return "".join(self._statement(0) for _ in range(self._random.randint(1, 4)))

    def _statement(self, depth: int) -> str:
        draw = self._random.choice(self._statements) if depth < _DEEPEST else self._output
        return draw(depth + 1)

    def _output(self, depth: int) -> str:
        return "{{ " + self._expression(ANY, depth) + " }}" + self._random.choice(("", " ", "\n"))

    def _loop(self, depth: int) -> str:
        recursive = " recursive" if self._random.random() < _ODD else ""
        body = self._statement(depth) + ("{{ loop(x) }}" if recursive else "")
        condition = f" if x is {self._test(depth)}" if self._random.random() < 0.2 else ""
        kind = self._random.choice((LIST, LIST, TEXT))
        return f"{{% for x in {self._expression(kind, depth)}{condition}{recursive} %}}{body}{{% endfor %}}"

    def _condition(self, depth: int) -> str:
        condition = f"{self._expression(ANY, depth)} is {self._test(depth)}"
        return (
            f"{{% if {condition} %}}{self._statement(depth)}{{% else %}}{self._statement(depth)}{{% endif %}}"
        )

    def _test(self, depth: int) -> str:
        name = self._random.choice(TESTS)
        taking = {
            "in",
            "eq",
            "equalto",
            "ne",
            "gt",
            "greaterthan",
            "ge",
            "lt",
            "lessthan",
            "le",
            "divisibleby",
        }
        return f"{name}({self._expression(ANY, depth + 1)})" if name in taking else name

    def _assignment(self, depth: int) -> str:
        if self._random.random() < 0.3:
            return f"{{% set t %}}{self._statement(depth)}{{% endset %}}"
        name, kind = self._random.choice((("t", TEXT), ("l", LIST), ("n", NUMBER)))
        return f"{{% set {name} = {self._expression(kind, depth)} %}}"

    def _macro(self, depth: int) -> str:
        call = f"{{{{ m({self._expression(ANY, depth)}) }}}}"
        return (
            f"{{% macro m(x) %}}{self._statement(depth)}{{% endmacro %}}{call * self._random.randint(1, 3)}"
        )

    def _block(self, depth: int) -> str:
        name = self._random.choice(tuple(TEXT_FILTERS))
        return f"{{% filter {name} %}}{self._statement(depth)}{{% endfilter %}}"

    def _growth(self, depth: int) -> str:
        kind, name = self._random.choice(((TEXT, "text"), (LIST, "l"), (NUMBER, "n")))
        grown = self._expression(kind, depth).replace(name, "ns.x", 2)
        times = self._random.choice(self._scale.times)
        start = f"{{% set ns = namespace(x={name}) %}}"
        return f"{start}{{% for i in range({times}) %}}{{% set ns.x = {grown} %}}{{% endfor %}}"

    def _expression(self, kind: str, depth: int) -> str:
        """An expression whose value is mostly of a kind."""
        if kind == ANY or self._random.random() < _ODD:
            kind = self._random.choice((TEXT, TEXT, LIST, NUMBER))
        if depth >= _DEEPEST or kind == PATH or self._random.random() < 0.3:
            atoms = LARGE_ATOMS if self._random.random() < self._scale.large else self._scale.atoms
            return self._random.choice(atoms[kind])
        if self._random.random() < _ODD:
            return self._odd(depth)
        draw = {TEXT: self._text_expression, LIST: self._list_expression, NUMBER: self._number_expression}
        return draw[kind](depth + 1)

    def _text_expression(self, depth: int) -> str:
        text = self._expression(TEXT, depth)
        match self._random.randint(0, 6):
            case 0 | 1:
                return f"({text} | {self._call(TEXT_FILTERS, depth)})"
            case 2 | 3:
                return f"({text}).{self._call(TEXT_METHODS, depth, method=True)}"
            case 4:
                return f"({text})[{self._slice()}]"
            case 5:
                return f"({text} {self._random.choice('~+')} {self._expression(TEXT, depth)})"
            case _:
                return f"({self._expression(LIST, depth)} | {self._call(SINGLE_FILTERS, depth)})"

    def _list_expression(self, depth: int) -> str:
        match self._random.randint(0, 5):
            case 0 | 1 | 2:
                return f"({self._expression(LIST, depth)} | {self._call(LIST_FILTERS, depth)} | list)"
            case 3:
                return f"({self._expression(TEXT, depth)}).{self._call(LIST_METHODS, depth, method=True)}"
            case 4:
                return f"({self._expression(LIST, depth)} | list + l[{self._slice()}])"
            case _:
                return f"[{self._expression(ANY, depth)}, {self._expression(ANY, depth)}]"

    def _number_expression(self, depth: int) -> str:
        match self._random.randint(0, 4):
            case 0:
                left, right = self._expression(NUMBER, depth), self._expression(NUMBER, depth)
                return f"({left} {self._random.choice(_OPERATORS)} {right})"
            case 1:
                return f"({self._expression(NUMBER, depth)} | {self._call(NUMBER_FILTERS, depth)})"
            case 2:
                return f"({self._expression(TEXT, depth)}).{self._call(NUMBER_METHODS, depth, method=True)}"
            case _:
                kind = self._random.choice((TEXT, LIST))
                left, right = self._expression(kind, depth), self._expression(kind, depth)
                return f"({left} {self._random.choice(_OPERATORS[8:])} {right})"

    def _odd(self, depth: int) -> str:
        """Any filter or method of any value with any arguments."""
        value = self._expression(ANY, depth + 1)
        arguments = ", ".join(self._expression(ANY, depth + 1) for _ in range(self._random.randint(0, 3)))
        if self._random.random() < 0.5:
            return f"({value} | {self._random.choice(FILTERS)}({arguments}))"
        return f"({value}).{self._random.choice(METHOD_NAMES)}({arguments})"

    def _call(self, calls: Mapping[str, str], depth: int, *, method: bool = False) -> str:
        name = self._random.choice(tuple(calls))
        values = [self._expression(kind, depth) for kind in calls[name]]
        if "(" in name:
            for letter, kind in (("P", PATH), ("L", LIST), ("N", NUMBER), ("A", ANY)):
                name = name.replace(letter, self._expression(kind, depth))
            return name.replace("M", self._random.choice(tuple(TEXT_FILTERS)))
        return f"{name}({', '.join(values)})" if values or method else name

    def _slice(self) -> str:
        return ":".join(self._random.choice(("", "0", "1", "-1", "2", "1000")) for _ in range(2))
