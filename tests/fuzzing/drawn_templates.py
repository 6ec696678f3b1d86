"""Templates and documents drawn from a grammar of all that the sandbox allows, with extreme arguments."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from qwenq.schemas.prompts.comparing import allowed_tests
from qwenq.schemas.prompts.filters import allowed_filters
from qwenq.schemas.prompts.methods import METHODS

FILTERS = sorted(allowed_filters())
TESTS = sorted(name for name in allowed_tests() if name.isidentifier())
METHOD_NAMES = sorted({name for methods in METHODS.values() for name in methods})
_NAMES = ("text", "t", "l", "d", "n", "f", "row", "x", "none_such", "messages", "loop")
_NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "3",
    "7",
    "100",
    "1000",
    "99999",
    "100000",
    "4000000",
    "-4000000",
    "10**18",
    "1.5",
)
_LITERALS = (
    *("'a'", "''", "'%s'", "'{}'", "'%999d'", "'{0:>999}'", "' '", "'\\n'", "'<b>'", "'é'", "none", "true"),
    *("[]", "{}", "[1, 'x']", "{'a': 1}", "(1, 2)", "'utf-8'", "'ascii'", "'a.b'", "'ignore'", "'upper'"),
)
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or")
_STRINGS = (
    "a",
    "a ",
    "ab",
    "\n",
    "<b>",
    "&amp;",
    "%s",
    "%(a)s",
    "%(",
    "{}",
    "{0[a]}",
    "東",
    "\U0001f600",
    "9",
    "-",
    "\t",
)
_ATTRIBUTES = ("a", "b", "index", "length", "items", "content", "role", "first", "nextitem")
_DEEPEST = 4


class Drawing:
    """Draws templates and documents; the same ones for the same seed."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)
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

    def columns(self) -> Mapping[str, Any]:
        """A document: mostly small, sometimes as large as a row may be."""
        size = int(10 ** self._random.triangular(0, 6.6, 1))
        text = self._text(size)
        values: dict[str, Any] = {
            "text": text,
            "t": self._text(int(size ** self._random.random())),
            "l": [
                self._value(size // 10, depth=0)
                for _ in range(min(size, self._random.choice((1, 3, 300, 30_000))))
            ]
            if size < 10_000
            else self._random.choice(
                ([text[:9]] * (size // 100), list(range(size // 8)), text[:size].split("a"))
            ),
            "d": {str(one): self._value(size // 10, depth=1) for one in range(self._random.randint(0, 5))},
            "n": self._random.choice((0, 1, -1, 7, 10**18, 2**63)),
            "f": self._random.choice((0.5, 1e308, 5e-324, -0.0)),
        }
        if self._random.random() < 0.1:
            values["messages"] = [{"role": "user", "content": text or "a"}]
        return values

    def _text(self, size: int) -> str:
        piece = self._random.choice(_STRINGS)
        text = piece * (size // len(piece) + 1)
        return text + self._random.choice(("", "b", "<", "%"))

    def _value(self, size: int, depth: int) -> Any:
        kind = self._random.randint(0, 6 if depth < _DEEPEST else 3)
        match kind:
            case 0 | 1:
                return self._text(self._random.randint(0, min(size, 1_000)))
            case 2:
                return self._random.choice((0, 1, 2**61 - 1, -1, 10**18))
            case 3:
                return self._random.choice((0.5, None, True, 1e300))
            case 4 | 5:
                return [self._value(size // 4, depth + 1) for _ in range(self._random.randint(0, 4))]
            case _:
                return {"a": self._value(size // 4, depth + 1), "b": self._value(size // 4, depth + 1)}

    def _statement(self, depth: int) -> str:
        draw = self._random.choice(self._statements) if depth < _DEEPEST else self._output
        return draw(depth + 1)

    def _output(self, depth: int) -> str:
        return "{{ " + self._expression(depth) + " }}" + self._random.choice(("", " ", "\n"))

    def _loop(self, depth: int) -> str:
        recursive = " recursive" if self._random.random() < 0.1 else ""
        body = self._statement(depth) + ("{{ loop(x) }}" if recursive else "")
        condition = f" if {self._expression(depth)}" if self._random.random() < 0.1 else ""
        return f"{{% for x in {self._expression(depth)}{condition}{recursive} %}}{body}{{% endfor %}}"

    def _condition(self, depth: int) -> str:
        tested = f"{self._expression(depth)} is {self._test()}"
        condition = self._random.choice((tested, self._expression(depth)))
        return (
            f"{{% if {condition} %}}{self._statement(depth)}{{% else %}}{self._statement(depth)}{{% endif %}}"
        )

    def _test(self) -> str:
        name = self._random.choice(TESTS)
        return f"{name}({self._atom()})" if self._random.random() < 0.4 else name

    def _assignment(self, depth: int) -> str:
        if self._random.random() < 0.3:
            return f"{{% set t %}}{self._statement(depth)}{{% endset %}}"
        return f"{{% set {self._random.choice(('t', 'l', 'x'))} = {self._expression(depth)} %}}"

    def _macro(self, depth: int) -> str:
        call = f"{{{{ m({self._expression(depth)}) }}}}"
        return (
            f"{{% macro m(x) %}}{self._statement(depth)}{{% endmacro %}}{call * self._random.randint(1, 3)}"
        )

    def _block(self, depth: int) -> str:
        name = self._random.choice(FILTERS)
        return f"{{% filter {name} %}}{self._statement(depth)}{{% endfilter %}}"

    def _growth(self, depth: int) -> str:
        grown = self._expression(depth).replace("text", "ns.x")
        body = f"{{% set ns.x = {grown} %}}"
        times = self._random.choice(_NUMBERS[4:8])
        return f"{{% set ns = namespace(x=text) %}}{{% for i in range({times}) %}}{body}{{% endfor %}}"

    def _expression(self, depth: int) -> str:
        kind = self._random.randint(0, 11) if depth < _DEEPEST else 0
        inner = self._expression(depth + 1) if kind else ""
        match kind:
            case 0 | 1:
                return self._atom()
            case 2 | 3 | 4:
                return f"{inner} | {self._random.choice(FILTERS)}{self._arguments(depth)}"
            case 5 | 6 | 7:
                return f"({inner}).{self._random.choice(METHOD_NAMES)}{self._arguments(depth) or '()'}"
            case 8 | 9:
                return f"({inner} {self._random.choice(_OPERATORS)} {self._expression(depth + 1)})"
            case 10:
                ends = [self._random.choice(("", "0", "1", "-1", "2", "1000")) for _ in range(3)]
                return f"({inner})[{':'.join(ends)}]"
            case _:
                return f"({inner}).{self._random.choice(_ATTRIBUTES)}"

    def _arguments(self, depth: int) -> str:
        count = self._random.choice((0, 0, 1, 1, 2, 3))
        values = [self._expression(depth + 2) for _ in range(count)]
        names = ("attribute", "start", "width", "indent", "case_sensitive", "reverse", "d", "sep")
        if values and self._random.random() < 0.2:
            values[-1] = f"{self._random.choice(names)}={values[-1]}"
        return f"({', '.join(values)})" if values else ""

    def _atom(self) -> str:
        kinds = (_NAMES, _NAMES, _NAMES, _NUMBERS, _LITERALS, (self._built(),))
        return self._random.choice(self._random.choice(kinds))

    def _built(self) -> str:
        return self._random.choice(
            (
                *(
                    "range(1000)",
                    "range(100000)",
                    "'a' * 4000",
                    "'ab' * 1000000",
                    "[1] * 1000",
                    "('%s' * 1000)",
                ),
                *("dict(a=1)", "('x' * 9).split('')", "range(9) | list", "text * 2", "2 ** 9999", "l * 9"),
            )
        )
