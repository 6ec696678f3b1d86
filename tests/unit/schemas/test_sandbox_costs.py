"""The sandbox's costs: one call into C can take hours, so each is charged before it runs."""

import time

import pytest

from qwenq.schemas.errors import InvalidTemplate
from qwenq.schemas.prompts.compiled import MOST_CHARS, CompiledTemplate, Failed

MOST_SECONDS = 1.5
PRIME = 2**61 - 1
"""All numbers that it divides have the same hash."""
LONG = "a" * 4_000_000
COLUMNS = {
    "text": LONG,
    "part": "b" + "a" * 2_000_000,
    "fields": "%(" * 500_000,
    "braces": "{}" * 500_000,
    "numbers": " ".join(str(PRIME * (one % 200_000 + 1)) for one in range(400_000)),
    "pairs": [[str(PRIME * one), one] for one in range(1, 20_000)],
    "l": [[1]] * 200_000,
}


@pytest.mark.parametrize(
    "source",
    [
        '{{ ("%(" * 200000) % 1 }}',
        '{{ ("%(" * 200000) % {"a": 1} }}',
        "{{ fields | format(1) }}",
        "{{ fields % row }}",
        "{{ braces.format(*range(500000)) }}",
        "{{ text.rfind(part) }}",
        "{{ text.rindex(part) }}",
        "{{ text.rsplit(part) }}",
        "{{ text.rpartition(part) }}",
        "{{ text.strip(part) }}",
        "{{ text.rstrip(part) }}",
        "{{ text | trim(part) }}",
        "{{ text.encode().rfind(part.encode()) }}",
        "{{ text.encode().strip(part.encode()) }}",
        "{{ text.encode('ascii', 'namereplace') }}",
        "{{ l | sum(start=[]) }}",
        "{{ ([[1]] * 200000) | sum(start=[]) }}",
        '{{ text | groupby("x") }}',
        '{{ l | groupby("x") }}',
        '{{ "%3000000000d" is odd }}',
        '{{ "%3000000000d" is divisibleby(1) }}',
        "{{ 5 | round(-100000000) }}",
        "{{ numbers.split() | map('int') | unique | list | length }}",
        "{{ dict(numbers.split() | map('int') | batch(2)) }}",
        "{{ namespace(numbers.split() | map('int') | batch(2)) }}",
        "{{ (text | e).replace('', text) }}",
        "{{ ('&lt;' * 900000 | e).replace('<', text) }}",
        "{{ [2 ** 9999] * 100000 }}",
        "{{ text | urlencode }}{{ text | urlencode }}",
        "{{ ('a ' * 1000000) | title }}{{ ('a ' * 1000000) | wordwrap(1) }}",
        "{{ l | sort(attribute='a' ~ '.a' * 10000) }}",
        "{{ l | map(attribute='a' ~ '.a' * 10000) | list }}",
        "{% for x in text %}{{ text == text ~ '' }}{% endfor %}",
        "{% for x in text %}{% if part in text %}{% endif %}{% endfor %}",
        "{% for x in text %}{{ 0.5 in range(1000000) }}{% endfor %}",
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ [ns] | string }}",
    ],
)
def test_no_call_takes_long(source: str) -> None:
    began = time.thread_time()
    template = CompiledTemplate(source)
    template.render(COLUMNS)
    assert time.thread_time() - began < MOST_SECONDS


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("{{ text.maketrans('a', 'b') }}", "'maketrans' of 'str'"),
        ("{{ text.encode().hex() }}", "'hex' of 'bytes'"),
        ("{{ (5).to_bytes(9, 'big') }}", "'to_bytes' of 'int'"),
        ("{{ l.copy() }}", "'copy' of 'list'"),
        ("{{ {}.fromkeys(l) }}", "'fromkeys' of 'dict'"),
        ("{{ text['maketrans'] }}", "'maketrans' of 'str'"),
        ("{{ text | attr('maketrans') }}", "'maketrans' of 'str'"),
        ("{{ '{0.maketrans}'.format(text) }}", "'maketrans' of 'str'"),
        ("{{ row - row }}", "'dict' - 'dict'"),
        ("{{ row.keys() - row.keys() }}", "'dict_keys' - 'dict_keys'"),
        ("{{ 'a'.encode() * 9 }}", "'bytes' * 'int'"),
        ("{{ -'a' }}", "- 'str'"),
        ("{{ text | map('urlize') | list }}", "No filter named 'urlize'"),
        ("{{ 'a' is odd }}", "'odd' takes numbers only"),
        ("{{ [{}] | sum }}", "'dict' is not a number"),
        ("{{ l() }}", "a value of the type 'list' cannot be called"),
        ("{% for x in l %}{{ loop | list }}{% endfor %}", "'list' takes no loop"),
        ("{{ 'a'.encode('idna') }}", "the encoding 'idna'"),
    ],
)
def test_what_is_not_on_the_list_is_refused_by_its_name(source: str, named: str) -> None:
    failed = CompiledTemplate(source).render({"text": "a", "l": [1]})
    assert isinstance(failed, Failed)
    assert named in failed.reason


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ row.copy }} {{ row.pop }}", "c p"),
        (
            "{{ 5000000 | round }} {{ n | string }} {{ n | default(9000000) }}",
            "5000000 5000000000 5000000000",
        ),
        ("{{ {5000000: 'x'}.get(5000000) }}", "x"),
        ("{{ [1, 2.5] | sum }} {{ l | sum(attribute='a', start=1) }}", "3.5 4"),
        ("{{ ['b', 'A', 'a'] | unique | join }} {{ [3, 1, 3] | unique | list }}", "bA [3, 1]"),
        ("{% for key, group in l | groupby('a') %}{{ key }}{{ group | length }}{% endfor %}", "11" + "21"),
        ("{{ (l | groupby('a'))[0].grouper }}", "1"),
        ("{{ 'a b'.title() }} {{ 'a-b'.rsplit('-', 1) }} {{ 'xax'.strip('x') }}", "A B ['a', 'b'] a"),
        ("{{ '%5.1f|%-4d|%(' | replace('|%(', '') }}", "%5.1f|%-4d"),
        ("{{ '100%% of %d' % 5 }} {{ '%(a)s' % {'a': 1} }}", "100% of 5 1"),
    ],
)
def test_ordinary_operations_are_possible(source: str, text: str) -> None:
    columns = {"copy": "c", "pop": "p", "n": 5_000_000_000, "l": [{"a": 1}, {"a": 2}]}
    assert CompiledTemplate(source).render(columns) == text


def test_constants_are_not_computed_while_a_template_compiles() -> None:
    began = time.thread_time()
    CompiledTemplate("{{ ('x' * 4000000) | upper | title | wordwrap(1) }}" * 100)
    assert time.thread_time() - began < MOST_SECONDS


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x" * (MOST_CHARS + 1), "more than 262,144 characters"),
        ("{{ [" + "1," * 6_000 + "] }}", "more than 10,000 words and signs"),
        ("{{ a }}" * 4_000, "more than 10,000 words and signs"),
        ("{% autoescape 'x' * 99 %}{% endautoescape %}", "autoescape is not supported"),
    ],
)
def test_a_template_that_would_take_long_to_compile_is_refused(source: str, reason: str) -> None:
    began = time.thread_time()
    with pytest.raises(InvalidTemplate, match=reason):
        CompiledTemplate(source)
    assert time.thread_time() - began < MOST_SECONDS


@pytest.mark.parametrize("source", ["{{ 1[0:1] }}", "{{ none[1:2] }}"])
def test_what_python_would_warn_of_is_refused_without_a_warning(source: str) -> None:
    with pytest.raises(InvalidTemplate, match=r"line 1\): '(int|NoneType)' object is not subscriptable"):
        CompiledTemplate(source)


def test_a_value_is_not_measured_to_its_end_when_that_is_more_than_the_budget() -> None:
    columns: dict[str, list[object]] = {"l": [{} for _ in range(500_000)]}
    template = CompiledTemplate("{{ l }}")
    began = time.thread_time()
    assert template.render_quickly(columns) is None
    assert time.thread_time() - began < MOST_SECONDS / 5
