"""The sandbox's limits on `%`, the filter `format`, `str.format` and bytes."""

import re

import pytest

from qwenq.schemas.prompts.compiled import CompiledTemplate, Failed

COLUMNS = {"a": "1", "x": "X"}


@pytest.mark.parametrize(
    "source",
    [
        '{{ "%300000000d" % 1 }}',
        '{{ "%.300000000f" % 1.0 }}',
        '{{ "%*d" % (300000000, 1) }}',
        '{{ "%*d" % (-300000000, 1) }}',
        '{{ ("%4000000d" * 9) % (1, 1, 1, 1, 1, 1, 1, 1, 1) }}',
        '{{ ("%(a)s" * 100000) % {"a": "x" * 1000000} }}',
        '{{ ("%300000000d" | e) % 1 }}',
        '{{ "%300000000d".encode() % 1 }}',
        '{{ "%300000000d" | format(1) }}',
        '{{ "%(a)300000000d" | format(a=1) }}',
        '{{ "{:300000000d}".format(1) }}',
        '{{ "{:{w}0000000}".format(1, w=30) }}',
        '{{ "{a:300000000}".format_map({"a": 1}) }}',
        '{{ ("{0:4000000}" * 9).format(1) }}',
        '{{ ("{:300000000}" | e).format(1) }}',
        '{{ "x".encode() * 300000000 }}',
    ],
)
def test_a_format_wider_than_any_prompt_fails_its_document(source: str) -> None:
    failed = CompiledTemplate(source).render(COLUMNS)
    assert isinstance(failed, Failed)
    assert re.search("too large|not possible", failed.reason)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('{{ "%5d|%-3s|%%|%.2f" % (42, "a", 1.5) }}', "   42|a  |%|1.50"),
        ('{{ "%(x)s" % row }} {{ "%d" % 5000000 }} {{ "%s" % a }} {{ 7 % 4 }}', "X 5000000 1 3"),
        ('{{ "%s" | format("x") }}{{ "%(a)s" | format(a="y") }}', "xy"),
        ('{{ "{:>3}|{x}".format(1, x="b") }} {{ "{x}".format_map(row) }}', "  1|b X"),
        ('{{ ("<{}>" | e).format("<") | e }}', "&lt;&lt;&gt;"),
    ],
)
def test_the_sandbox_renders_ordinary_formats(source: str, text: str) -> None:
    assert CompiledTemplate(source).render(COLUMNS) == text
