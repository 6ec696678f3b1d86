"""Templates and documents drawn from a grammar of all that the sandbox allows, with extreme arguments."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from qwenq.schemas.prompts.comparing import allowed_tests
from qwenq.schemas.prompts.filters import allowed_filters
from qwenq.schemas.prompts.methods import METHODS

# The arguments of filters and methods: a text, a list, a number, a path of attributes, or anything.
TEXT, LIST, NUMBER, PATH, ANY = "TLNPA"
TEXT_FILTERS = {
    **dict.fromkeys(("capitalize", "e", "forceescape", "lower", "safe", "string", "striptags", "title"), ""),
    **dict.fromkeys(("upper", "urlencode", "trim", "wordwrap", "indent", "escape", "truncate"), ""),
    "center": NUMBER,
    "format": ANY,
    "replace": TEXT + TEXT,
    "trim": TEXT,
    "default": TEXT,
    "d": TEXT,
    "indent": NUMBER,
    "truncate": NUMBER,
    "wordwrap": NUMBER,
}
LIST_FILTERS = {
    **dict.fromkeys(("list", "unique", "sort", "map", "select"), ""),
    "batch": NUMBER,
    "slice": NUMBER,
    "groupby": PATH,
    "selectattr": PATH,
    "rejectattr": PATH,
    "sort(attribute=P)": "",
    "map(attribute=P)": "",
    "map('M')": "",
    "select('in', L)": "",
    "reject('odd')": "",
}
SINGLE_FILTERS = {
    **dict.fromkeys(
        ("length", "count", "first", "last", "min", "max", "sum", "tojson", "string", "reverse"), ""
    ),
    "join": TEXT,
    "tojson(indent=N)": "",
    "sum(start=A)": "",
    "sum(attribute=P)": "",
    "attr": TEXT,
}
NUMBER_FILTERS = {
    "abs": "",
    "round": NUMBER,
    "int": NUMBER,
    "float": "",
    "filesizeformat": "",
    "default": NUMBER,
}
TEXT_METHODS = {
    **dict.fromkeys(("capitalize", "casefold", "lower", "swapcase", "title", "upper", "strip", "lstrip"), ""),
    **dict.fromkeys(("center", "ljust", "rjust", "zfill", "expandtabs"), NUMBER),
    **dict.fromkeys(("strip", "lstrip", "rstrip", "removeprefix", "removesuffix"), TEXT),
    "format": ANY,
    "format_map": "A",
    "join": LIST,
    "replace": TEXT + TEXT,
    "translate": ANY,
}
LIST_METHODS = {
    **dict.fromkeys(("split", "rsplit", "partition", "rpartition"), TEXT),
    "split": "",
    "splitlines": "",
    "rsplit": TEXT + NUMBER,
}
NUMBER_METHODS = dict.fromkeys(("find", "rfind", "index", "rindex", "count", "startswith", "endswith"), TEXT)
TESTS = sorted(name for name in allowed_tests() if name.isidentifier())
FILTERS = sorted(allowed_filters())
METHOD_NAMES = sorted({name for methods in METHODS.values() for name in methods})
_ATOMS = {
    TEXT: (
        *(
            "text",
            "text",
            "t",
            "t",
            "x",
            "row.text",
            "'a'",
            "''",
            "'%s'",
            "'{}'",
            "'%999d'",
            "'{0:>999}'",
            "' '",
        ),
        *(
            "'\\n'",
            "'<b>'",
            "'é'",
            "('a' * 40)",
            "('ab' * 1000000)",
            "('%s' * 9)",
            "('a ' * 99999)",
            "(t | e)",
        ),
    ),
    LIST: (
        *("l", "l", "l", "d", "row", "[]", "[1, 'x']", "{'a': 1}", "(1, 2)", "range(99)"),
        *("([1] * 10)", "(l * 9)", "d.items()", "d.values()", "messages", "[l, l]"),
    ),
    NUMBER: (
        *(
            "n",
            "f",
            "0",
            "1",
            "-1",
            "2",
            "7",
            "100",
            "1000",
            "99999",
            "100000",
            "4000000",
            "-4000000",
            "10**18",
        ),
        *("1.5", "2 ** 9999", "loop.index", "none", "true"),
    ),
    PATH: ("'a'", "'a.b'", "'b.a.b'", "0", "'x'", "('a' * 300)", "'0.0.a'"),
}
_LARGE_ATOMS = {
    TEXT: (
        "('ab' * 1000000)",
        "('a ' * 99999)",
        "('a' * 4000)",
        "('%s' * 1000)",
        "('%(' * 99999)",
        "('東' * 9999)",
    ),
    LIST: ("range(1000)", "range(100000)", "([1] * 1000)", "([l] * 99)", "([0.1] * 100000)"),
    NUMBER: ("99999", "100000", "4000000", "-4000000", "10**18", "2 ** 9999"),
    PATH: ("('a' * 300)", "'a.a.a.a.a.a.a.a'"),
}
_LARGE = 0.3
"""How often an argument is large, and a document of the largest size."""
_OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">=", "in", "not in", "and", "or")
_STRINGS = (
    *("a", "a ", "ab", "\n", "\t", "<b>", "&amp;", "%s", "%(a)s", "%("),
    *("{}", "{0[a]}", "東", "\U0001f600", "9", "-"),
)
_DEEPEST = 4
_LARGEST = 6.6
"""The largest text has ten to the power of this many characters."""
_ODD = 0.03
"""How often something of another kind stands where a kind is expected."""


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
        """A document: nearly a third are as large as a prompt may be, the others of any size below."""
        is_large = self._random.random() < _LARGE
        size = int(10 ** (_LARGEST if is_large else min(self._random.expovariate(0.5), _LARGEST)))
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
        times = self._random.choice((2, 9, 9, 100, 100, 1_000, 100_000))
        start = f"{{% set ns = namespace(x={name}) %}}"
        return f"{start}{{% for i in range({times}) %}}{{% set ns.x = {grown} %}}{{% endfor %}}"

    def _expression(self, kind: str, depth: int) -> str:
        """An expression whose value is mostly of a kind."""
        if kind == ANY or self._random.random() < _ODD:
            kind = self._random.choice((TEXT, TEXT, LIST, NUMBER))
        if depth >= _DEEPEST or kind == PATH or self._random.random() < 0.3:
            atoms = _LARGE_ATOMS if self._random.random() < _LARGE else _ATOMS
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
