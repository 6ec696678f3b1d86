"""The sandbox: what a template may not do, and its limits."""

import pytest

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.budget import LOOP_STEPS, OUTPUT_CHARS
from qwenq.schemas.prompts.compiled import CompiledTemplate, Failed

DOUBLING = "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = JOIN %}{% endfor %}"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ a }}", "1"),
        ("{{ a + 2 }} {{ a * 3 }} {{ 2 ** 10 }} {{ 'x' * 3 }} {{ [1] + [2] }}", "3 3 1024 xxx [1, 2]"),
        ("{{ a ~ '-' ~ b }}", "1-two"),
        ("{{ b | upper | replace('T', 't') | center(7) }}", "  tWO  "),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{{ missing | default('none') }}", "none"),
        ("{% if missing is defined %}x{% endif %}y", "y"),
        ("{{ row['b'] }}", "two"),
        ("{{ b | e }} <b>", "two <b>"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) ~ m(2) }}", "<1><2>"),
        ("{% set s %}{{ a }}!{% endset %}{{ s }}", "1!"),
        ("{% if a %}\nyes\n{% endif %}\nend", "yes\nend"),
        (
            "{% for x in 'ab' %}{{ loop.index }}/{{ loop.length }}{{ x }}{{ loop.last }} {% endfor %}",
            "1/2aFalse 2/2bTrue ",
        ),
        ("{% for x in [[1, [2]], [3]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}", "123"),
        ("{% for x, y in {'a': 1}.items() %}{{ x }}{{ y }}{% endfor %}", "a1"),
        ("{{ ', '.join(['x', 'y'] | map('upper')) }} {{ 'x y'.split() | join('-') }}", "X, Y x-y"),
        ("{{ [3, 1, 2] | sort | map('string') | select('in', ['1', '3']) | list }}", "['1', '3']"),
        (
            "{{ {'k': [1, {'x': none}]} | tojson }} {{ [1] | tojson(indent=2) }}",
            '{"k": [1, {"x": null}]} [\n  1\n]',
        ),
        ("{{ b[1:] }} {{ b.replace('t', 'T') }} {{ b.encode('utf-8').decode() }}", "wo Two two"),
    ],
)
def test_the_sandbox_renders_ordinary_templates(source: str, text: str) -> None:
    assert CompiledTemplate(source).render({"a": 1, "b": "two"}) == text


def test_columns_override_the_functions_that_the_sandbox_adds() -> None:
    assert CompiledTemplate("{{ row.row }} {{ range }}").render({"row": "r", "range": "s"}) == "r s"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ missing }}", "'missing' is undefined"),
        ("{{ a.b.c }}", "has no attribute 'b'"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ a.__class__ }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ l.append(1) }}", "'append' of 'list' is not possible in a template"),
        ("{{ lipsum() }}", "'lipsum' is undefined"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{{ 'x' * 1000000000 }}", "too large"),
        ("{{ 1000000000 * 'x' }}", "too large"),
        ("{{ 9 ** 999999 }}", "too large"),
        ("{{ 'x'.ljust(1000000000) }}", "too large"),
        ("{{ 'x' | center(1000000000) }}", "too large"),
        ("{{ 'x' | indent(width=1000000000) }}", "too large"),
        ("{{ ('x' * 4000) | replace('x', 'y' * 4000) }}", "too large"),
        ("{{ ('x' * 4000).replace('', 'y' * 4000) }}", "too large"),
        ("{{ ('x' * 4000) | join('y' * 4000) }}", "too large"),
        ("{{ ('y' * 4000).join('x' * 4000) }}", "too large"),
        ("{{ ('\\t' * 4000).expandtabs(4000) }}", "too large"),
        ("{{ ('x' * 4000).translate({120: 'y' * 4000}) }}", "too large"),
        ("{{ ('\\n' * 4000) | indent(4000, blank=true) }}", "too large"),
        ("{{ ('x ' * 4000) | wordwrap(1, wrapstring='y' * 4000) }}", "too large"),
        ("{{ ('x' * 100000) | wordwrap(1) }}", "too large"),
        ("{{ range(4000) | list | tojson(indent=4000) }}", "too large"),
        ("{% set a = [1] * 4000 %}{% set b = [a] * 4000 %}", "too large"),
        (
            "{% set n = namespace(x=9 ** 900) %}{% for i in range(9) %}{% set n.x = n.x * n.x %}{% endfor %}",
            "too large",
        ),
        ("{{ 1.5 | round(9999) }}", "too large"),
        ("{{ ('f' * 4000) | int(base=16) }}", "too large"),
        ("{{ 'x'.encode('punycode') }}", "the encoding 'punycode' is not possible"),
        ("{% for x in 'x' * 4000 %}{% for y in 'y' * 4000 %}{% endfor %}{% endfor %}", "steps"),
        (
            "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
            "takes more",
        ),
        (
            "{% set x = 'x' * 4000000 %}{% for i in range(1000000) %}{% if 'y' in x %}{% endif %}{% endfor %}",
            "too much work",
        ),
        ("{% for i in range(99) %}{% set x = 'x' * 4000000 %}{% endfor %}", "on the way"),
        ("{% for i in range(99) %}{% set x = ('x' * 4000000) | upper %}{% endfor %}", "too much work"),
        (DOUBLING.replace("JOIN", "ns.x ~ ns.x"), "too large"),
        (DOUBLING.replace("JOIN", "ns.x + ns.x"), "too large"),
        ("{% for i in range(100000) %}{{ 'x' * 100 }}{% endfor %}", f"above {OUTPUT_CHARS} characters"),
        ("{% set s %}{% for i in range(100000) %}{{ 'x' * 100 }}{% endfor %}{% endset %}", "too large"),
        (
            "{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}",
            f"more than {LOOP_STEPS} steps",
        ),
    ],
)
def test_a_failing_or_runaway_template_fails_its_document(source: str, reason: str) -> None:
    failed = CompiledTemplate(source).render({"a": 1, "l": []})
    assert isinstance(failed, Failed)
    assert reason in failed.reason


def test_each_rendering_has_its_own_budget() -> None:
    template = CompiledTemplate("{% for i in range(600000) %}{% endfor %}ok")
    assert [template.render({}) for _ in range(2)] == ["ok", "ok"]


@pytest.mark.parametrize(
    ("source", "line", "reason"),
    [
        ("one\ntwo {{ text", 2, "unexpected end of template"),
        ("{% for x in y %}", 1, "endfor"),
        ("\n\n{{ a | nosuch }}", 3, "No filter named 'nosuch'"),
        ("{{ a | random }}", 1, "No filter named 'random'"),
        ("{% macro m(a, a) %}{% endmacro %}", 1, "duplicate argument"),
        ("{% include 'file' %}", 1, "include, import and extends are not supported"),
        ("{% extends name %}", 1, "include, import and extends are not supported"),
        ("{% from 'file' import x %}", 1, "include, import and extends are not supported"),
        ("{{ " + "(" * 2_000 + "1" + ")" * 2_000 + " }}", 1, "nested too deeply"),
    ],
)
def test_an_invalid_template_is_refused_with_its_line(source: str, line: int, reason: str) -> None:
    with pytest.raises(InvalidTemplate) as caught:
        CompiledTemplate(source)
    assert caught.value.line == line
    assert reason in caught.value.reason


def missing(source: str) -> str | None:
    failed = CompiledTemplate(source).render({"a": 1, "d": {}})
    return failed.missing if isinstance(failed, Failed) else None


def test_a_failure_names_what_is_undefined() -> None:
    assert missing("{{ a }}{{ nme }}") == "nme"
    assert missing("{{ d.b }}") == "b"
    assert missing("{{ nme | default(a) }}") is None
    assert missing("{{ a / 0 }}") is None
