"""What drawn templates are made of: filters, methods, tests, and arguments, extreme ones too."""

from collections.abc import Mapping

from qwenq.schemas.prompts.comparing import allowed_tests
from qwenq.schemas.prompts.filters import allowed_filters
from qwenq.schemas.prompts.methods import METHODS

TEXT, LIST, NUMBER, PATH, ANY = "TLNPA"
"""The arguments of filters and methods: a text, a list, a number, a path of attributes, or anything."""
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

Atoms = Mapping[str, tuple[str, ...]]
"""Expressions without parts, by the kind of their value."""
SMALL_ATOMS: Atoms = {
    TEXT: (
        *("text", "text", "t", "t", "x", "row.text", "(t | e)", "'a'", "''", "'%s'", "'{}'", "'%999d'"),
        *("'{0:>999}'", "' '", "'\\n'", "'<b>'", "'é'", "('a' * 40)", "('%s' * 9)"),
    ),
    LIST: (
        *("l", "l", "l", "d", "row", "[]", "[1, 'x']", "{'a': 1}", "(1, 2)", "range(9)"),
        *("([1] * 10)", "(l * 2)", "d.items()", "d.values()", "messages", "[l, l]"),
    ),
    NUMBER: (
        *("n", "f", "0", "1", "-1", "2", "7", "100", "1000", "99999", "100000", "4000000", "-4000000"),
        *("10**18", "1.5", "2 ** 9999", "loop.index", "none", "true"),
    ),
    PATH: ("'a'", "'a.b'", "'b.a.b'", "0", "'x'", "('a' * 300)", "'0.0.a'"),
}
ATOMS: Atoms = {
    **SMALL_ATOMS,
    TEXT: (*SMALL_ATOMS[TEXT], "('ab' * 1000000)", "('a ' * 99999)"),
    LIST: (*SMALL_ATOMS[LIST], "range(99)", "(l * 9)"),
}
LARGE_ATOMS: Atoms = {
    TEXT: (
        *("('ab' * 1000000)", "('a ' * 99999)", "('a' * 4000)", "('%s' * 1000)", "('%(' * 99999)"),
        "('東' * 9999)",
    ),
    LIST: ("range(1000)", "range(100000)", "([1] * 1000)", "([l] * 99)", "([0.1] * 100000)"),
    NUMBER: ("99999", "100000", "4000000", "-4000000", "10**18", "2 ** 9999"),
    PATH: ("('a' * 300)", "'a.a.a.a.a.a.a.a'"),
}
