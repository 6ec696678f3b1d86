"""What a template prints of a row's values: keys before methods, null, JSON, numbers, the row itself."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from qwenq.schemas.errors import EmptyDocument, InvalidTemplate, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts import template as template_module
from qwenq.schemas.prompts.methods import METHODS
from qwenq.schemas.prompts.rendering_process import LIMITS, RenderingProcess
from qwenq.schemas.prompts.templating import PromptTemplate

ADDRESS = re.compile(r"0x[0-9a-f]{6}")
NAMES = sorted({*METHODS[dict], *(name for name in dir(dict) if not name.startswith("_"))})


def rendered(template: str, row: dict[str, Any], **spec: Any) -> str:
    made = PromptTemplate.from_spec(PromptSpec(template=template, **spec))
    return made.render(json.dumps(row, ensure_ascii=False)).prompt.messages[-1].content


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("template", ["{{ order.NAME }}", "{{ deep.order.NAME }}", "{{ row.order.NAME }}"])
def test_a_key_is_printed_and_not_the_method_of_its_name(name: str, template: str) -> None:
    row = {"order": {name: "the key"}, "deep": {"order": {name: "the key"}}}
    assert rendered(template.replace("NAME", name), row) == "the key"


@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_a_methods_name_is_printed(name: str) -> None:
    assert rendered(f"{{{{ row.{name} }}}}|{{{{ {name} }}}}", {name: "x"}) == "x|x"


def test_methods_are_called_even_where_a_key_has_their_name() -> None:
    loop = "{% for name, value in order.items() %}{{ name }}={{ value }};{% endfor %}"
    assert rendered(loop, {"order": {"a": 1}}) == "a=1;"
    assert rendered(loop, {"order": {"items": 2}}) == "items=2;"
    assert rendered("{{ order.get('a') }} {{ order.keys() | list }}", {"order": {"a": 1}}) == "1 ['a']"


@pytest.mark.parametrize(
    "template",
    [
        *("{{ order.items }}", "{{ text.upper }}", "{{ [text.upper] }}", "{{ {'a': order.keys} }}"),
        *("{{ 'x' ~ order.items }}", "{{ order.items | string }}", "{{ [order.items] | join }}"),
        *("{{ '%s' % order.items }}", "{{ '%s' | format(order.items) }}", "{{ '{}'.format(order.items) }}"),
        *("{{ order.items | urlencode }}", "{{ '{!s}'.format(order.items) }}", "{{ text }}{{ range }}"),
        *("{{ text }}{{ self }}", "{% for x in text %}{{ loop }}{% endfor %}", "{{ text | map('upper') }}"),
        *("{% macro m() %}{% endmacro %}{{ m }}{{ text }}", "{{ namespace(a=text) }}"),
        *("{{ text | replace('t', order.items) }}", "{{ text | tojson(indent=order.items) }}"),
    ],
)
def test_a_method_a_function_or_an_object_of_jinja_is_never_printed(template: str) -> None:
    with pytest.raises(PromptFailed) as refused:
        rendered(template, {"text": "text", "order": {"a": 1}})
    assert ADDRESS.search(str(refused.value)) is None


@pytest.mark.parametrize(
    ("template", "text"),
    [
        *(("a{{ n }}b", "ab"), ("a{{ n ~ 'x' }}b", "axb"), ("{{ [n, 1, n] | join(',') }}", ",1,")),
        *(
            ("a{{ n | upper }}{{ n | trim }}b", "ab"),
            ("{{ '%s|' | format(n) }}", "|"),
            ("{{ '%s|' % n }}", "|"),
        ),
        *(("{{ '{}|{:>2}'.format(n, n) }}", "|  "), ("{{ 'axa' | replace('x', n) }}", "aa")),
        *(
            ("{{ n | default('D') }}", "D"),
            ("{{ missing | default('D') }}", "D"),
            ("{{ n is none }}", "True"),
        ),
        *(("{{ zero | default('D') }}", "0"), ("{{ empty | default('D') }}|", "|"), ("{{ n or 'D' }}", "D")),
        *(("{{ empty | default('D', true) }}", "D"), ("{{ deep.n }}|", "|"), ("{{ n | tojson }}", "null")),
        *(
            ("{{ n | urlencode }}|", "|"),
            ("{{ {'n': n} | urlencode }}", "n="),
            ("{{ '{!s}'.format(n) }}|", "|"),
        ),
        *(("{% set s = namespace(a=n) %}{{ s.a }}|", "|"), ("{{ n | default([]) | join }}|", "|")),
        *(("{{ [1, n] | tojson }}", "[1, null]"), ("{{ rows | map(attribute='n') | join(';') }}", "1;")),
    ],
)
def test_null_prints_nothing(template: str, text: str) -> None:
    row = {
        "n": None,
        "zero": 0,
        "empty": "",
        "deep": {"n": None},
        "rows": [{"n": 1}, {"n": None}],
        "full": "x",
    }
    assert rendered(template + "{% if full == 'no' %}{{ full }}{% endif %}", row) == text.strip()


@pytest.mark.parametrize(
    "template", ["{% for one in n %}{{ one }}{% endfor %}", "{{ n | length }}", "{{ n.x }}"]
)
def test_where_null_cannot_stand_the_reason_says_so_and_names_the_default(template: str) -> None:
    with pytest.raises(
        PromptFailed, match=r"null .*; write `\| default\(…\)` behind a value that may be null"
    ) as caught:
        rendered("{{ text }}" + template, {"text": "x", "n": None})
    assert "None" not in str(caught.value)


def test_a_template_with_a_fault_says_it_in_one_line() -> None:
    with pytest.raises(InvalidTemplate, match=r'a column whose name is not one word is row\["…"\]'):
        rendered("{{ first name }}", {})
    with pytest.raises(InvalidTemplate) as caught:
        rendered("{{ text | pprint }}", {})
    assert str(caught.value).endswith("No filter named 'pprint'.")


def test_json_is_written_as_in_chat_templates_of_transformers() -> None:
    row = {"z": "合同 <b> & 'x' \"q\"", "a": [1.0, True, None, "é"]}
    assert rendered("{{ row | tojson }}", row) == json.dumps(row, ensure_ascii=False)
    assert rendered("{{ row | tojson(indent=2) }}", row) == json.dumps(row, ensure_ascii=False, indent=2)
    options = "ensure_ascii=true, sort_keys=true, separators=(',', ':')"
    wanted = json.dumps(row, sort_keys=True, separators=(",", ":"))
    assert rendered(f"{{{{ row | tojson({options}) }}}}", row) == wanted


def test_row_reaches_every_column_also_beside_a_column_of_that_name() -> None:
    row = {"row": "R", "Our clause": "C", "row id": 7}
    assert (
        rendered('{{ row["Our clause"] }} {{ row.row }} {{ row["row"] }} {{ row["row id"] }}', row)
        == "C R R 7"
    )


@pytest.mark.parametrize(
    "name", ["messages", "loop", "self", "true", "none", "range", "dict", "parts", "caller", "not"]
)
def test_a_column_of_an_odd_name_is_reached_through_row(name: str) -> None:
    assert rendered(f'{{{{ row["{name}"] }}}}', {name: "the column"}) == "the column"


@pytest.mark.parametrize("number", [2**63, 2**64 + 1, -(10**23) - 7, 123456789012345678901234, 10**400 + 1])
def test_whole_numbers_of_any_size_keep_their_digits(number: int) -> None:
    row = {"account": number, "nested": [{"n": number}]}
    assert rendered("{{ account }} {{ nested[0].n }}", row) == f"{number} {number}"
    assert rendered("{{ row | tojson }}", row) == json.dumps(row)
    assert rendered("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(account) }}", row) == str(number)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ price | float }}", "1,5"),
        ("{{ price | int }}", "1.234,56"),
        ("{{ price | float + 1 }}", "about 5"),
        ("{{ x }}{{ price | int }}", ""),
        ("{{ x }}{{ price | float }}", None),
    ],
)
def test_a_text_that_is_no_number_is_never_zero(template: str, text: str | None) -> None:
    with pytest.raises(PromptFailed, match=r"is no number; .* or give a value for it: (?:float|int)\(0\)"):
        rendered(template, {"price": text, "x": "y"})
    assert rendered(re.sub("float|int", r"\g<0>(7)", template), {"price": text, "x": "y"})[-3:] in {
        "7",
        "8",
        "y7",
    }


def test_texts_of_numbers_become_numbers() -> None:
    template = "{{ price | replace(',', '.') | float }} {{ '42.2' | int }} {{ 'ff' | int(base=16) }} {{ true | int }}"
    assert rendered(template, {"price": "1,5"}) == "1.5 42 255 1"


def test_other_numbers_and_booleans_print_as_python_writes_them() -> None:
    row = {"f": 0.1, "big": 1e22, "one": 1.0, "yes": True}
    assert rendered("{{ f }} {{ big }} {{ one }} {{ yes }}", row) == "0.1 1e+22 1.0 True"


EMPTY = [None, "", " \n\t\u00a0\u3000"]


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize(
    "template",
    [
        *(
            "Sum up: {{ text }}",
            '{{ row["text"] }}',
            "{{ row.text }}",
            "{{ row.get('text') }}",
            "{{ text | trim }}",
        ),
        *("{{ title }}: {{ text }}", "{% if text is defined %}{{ text }}{% endif %} of {{ title }}"),
        *("{{ text | default('') }}!", "{% if text | length > 9 %}Long: {% endif %}{{ text }}"),
        *("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(text) }}", "{% set t = text %}<doc>{{ t }}</doc>"),
    ],
)
def test_a_template_is_not_asked_about_an_empty_text_column(empty: str | None, template: str) -> None:
    with pytest.raises(EmptyDocument, match=r"the column 'text' is (null|empty)"):
        rendered(template, {"text": empty, "title": "A title"})


@pytest.mark.parametrize("empty", EMPTY)
@pytest.mark.parametrize(
    "template",
    [
        *(
            "{{ title }}",
            '{{ row["title"] }}',
            "{% if text | trim %}{{ text }}{% else %}{{ title }}{% endif %}",
        ),
        *("{{ title if not (text | trim) else text }}", "{{ text | trim or title }}"),
        *("{{ title }}{% if text is none or text | trim == '' %} (no text){% endif %}", "{{ row | tojson }}"),
        "{% for name, value in row.items() %}{{ name }}: {{ value }}\n{% endfor %}",
    ],
)
def test_a_template_that_uses_other_columns_is_asked_without_a_text(empty: str | None, template: str) -> None:
    assert "A title" in rendered(template, {"text": empty, "title": "A title"})


TITLED = ["{% if text %}{{ text }}{% else %}{{ title }}{% endif %}", "{{ text or title }}"]


@pytest.mark.parametrize(
    "template", [*TITLED, "{{ title if not text else text }}", "{{ text | default(title, true) }}"]
)
def test_a_condition_that_white_space_fulfils_says_nothing_about_it(template: str) -> None:
    assert rendered(template, {"text": None, "title": "A title"}) == "A title"
    assert rendered(template, {"text": "", "title": "A title"}) == "A title"
    with pytest.raises(EmptyDocument):
        rendered(template, {"text": " ", "title": "A title"})


@pytest.mark.parametrize("template", ["{{ row | tojson }}", "{{ file }}: {{ text }}", "{{ row }}"])
def test_a_file_without_text_is_not_asked_about_by_its_name(template: str) -> None:
    row = {"text": "", "file": "a.docx", "path": "in/a.docx", "pages": None}
    with pytest.raises(EmptyDocument):
        rendered(template, row)


def test_without_a_text_column_one_column_of_the_template_must_hold_a_value() -> None:
    template = "{{ body }} {{ notes }}"
    with pytest.raises(EmptyDocument, match="the template reads 'body', 'notes', and there is no text"):
        rendered(template, {"id": 1, "body": None, "notes": ""})
    assert rendered(template, {"id": 1, "body": None, "notes": "N"}) == "N"
    assert rendered(template, {"id": 1, "body": 0, "notes": ""}) == "0"
    assert rendered("Guess from {{ file }}", {"file": "a.txt", "text": ""}) == "Guess from a.txt"


def test_a_conversation_without_a_word_of_the_user_is_not_asked_about() -> None:
    row = {"messages": [{"role": "user", "content": " "}]}
    with pytest.raises(EmptyDocument):
        rendered("{{ messages[0].content }}!", row)


SIXTEEN_MIB = 16 * 1024 * 1024


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Rendering may take long by the clock: on a busy machine, a large text does."""
    process = RenderingProcess(replace(LIMITS, seconds=60.0))
    monkeypatch.setattr(template_module, "rendering_process", lambda: process)
    yield
    process.close()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("letter", "template"),
    [
        *(("a", "Sum up:\n{{ text }}\n!"), ("合", "{{ text | trim }}"), ("a", "{{ text | upper }}")),
        ("ä", "{{ text.replace('x', 'y') }}"),
    ],
)
def test_a_text_of_sixteen_mebibytes_is_rendered(letter: str, template: str) -> None:
    text = letter * (SIXTEEN_MIB // len(letter.encode()))
    shown = rendered(template, {"text": text})
    assert len(shown) >= len(text)


@pytest.mark.usefixtures("patient")
def test_answers_to_the_parts_of_a_long_document_are_merged_whatever_their_size() -> None:
    parts = ["a" * 1024 * 1024] * 16
    row = {"parts": parts, "text": "x"}
    assert len(rendered("{{ parts | join('\n\n') }} {{ text }}", row)) > SIXTEEN_MIB


def test_a_short_document_may_not_grow_to_a_long_prompt() -> None:
    with pytest.raises(PromptFailed, match="too large"):
        rendered("{{ text * 5000000 }}", {"text": "x"})
