"""Where a template is rendered: plain ones here, others in a child that is killed when it takes too long."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.errors import DocumentFailed, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts import template as template_module
from qwenq.schemas.prompts.builtin import builtin_templates
from qwenq.schemas.prompts.rendering_process import LIMITS, RenderingProcess
from qwenq.schemas.prompts.template import Template
from qwenq.schemas.prompts.templating import PromptTemplate

SLOW = (
    "{% if slow %}{% for i in range(999999) %}{% set x = i is odd %}{% endfor %}{% endif %}{{ name | title }}"
)
SOON = 1.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[RenderingProcess]:
    """A rendering process that kills after a fraction of what SLOW takes."""
    process = RenderingProcess(Limits(seconds=0.4))
    monkeypatch.setattr(template_module, "rendering_process", lambda: process)
    process.render("{{ 1 }}", [{}])  # it has started
    yield process
    process.close()


@pytest.mark.parametrize(
    "source",
    [
        *(one.text for one in builtin_templates()),
        *(one.merge for one in builtin_templates() if one.merge is not None),
        "{{ text }}",
        "{{ row['Invoice No.'] }} {{ text.strip() | upper }}",
        "{% for said in messages %}{{ loop.index }} {{ said.role }}: {{ said.content }}{% endfor %}",
        "{% for key, value in row.items() %}{{ key }}: {{ value }}{% endfor %}",
    ],
)
def test_ordinary_templates_are_rendered_in_this_process(source: str) -> None:
    assert Template(source).is_plain


@pytest.mark.parametrize(
    "source",
    [
        "{{ text | title }}",
        "{{ text.rsplit(sep) }}",
        "{{ text | trim(chars) }}",
        "{{ text[::2] }}",
        "{{ text % 1 }}",
        "{{ text * 2 }}",
        "{% for x in l %}{% for y in l %}{% endfor %}{% endfor %}",
        "{% macro m() %}{% endmacro %}{{ m() }}",
        "{{ range(9) | list }}",
    ],
)
def test_other_templates_are_rendered_in_a_child(source: str) -> None:
    assert not Template(source).is_plain


@pytest.mark.parametrize(
    "values",
    [
        {"name": "a b", "slow": False},
        {"name": "half \ud800 ä 東", "slow": False},
        {"name": "a", "slow": False, "n": 2**70, "f": 1e308, "none": None, "l": [[1], {"a": 2}]},
    ],
)
def test_the_child_gives_the_text_of_this_process(values: dict[str, Any]) -> None:
    assert Template("{{ name | title }} {{ row }}").text(values) == f"{values['name'].title()} {values}"


def test_a_large_document_of_a_plain_template_goes_to_the_child() -> None:
    values = {"l": list(range(150_000))}
    assert Template("{% for x in l %}{% endfor %}ok").text(values) == "ok"


def test_a_document_that_takes_too_long_fails_alone(impatient: RenderingProcess) -> None:
    documents = [{"name": f"n{place}", "slow": place == 2} for place in range(5)]
    texts = list(Template(SLOW).texts(documents))
    failed = texts.pop(2)
    assert texts == ["N0", "N1", "N3", "N4"]
    assert isinstance(failed, PromptFailed)
    assert "took longer than 0.4 s" in failed.reason
    assert "simplify the template or shorten the document" in failed.reason
    assert impatient.render("{{ 1 }}", [{}]) == ["1"]


def test_the_limit_of_a_child_is_below_two_seconds() -> None:
    assert LIMITS.seconds < 2


def test_ctrl_c_ends_a_rendering_at_once(impatient: RenderingProcess) -> None:
    source = "{% for i in range(999999) %}{% set x = i is odd %}{% endfor %}"
    impatient.close()
    waiting = RenderingProcess(Limits(seconds=60))
    waiting.render("{{ 1 }}", [{}])
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.1, press).start()
    with pytest.raises(KeyboardInterrupt):
        while True:
            waiting.render(source, [{}])
    assert time.monotonic() - pressed[0] < SOON
    waiting.close()


def test_documents_are_rendered_in_order_beside_failing_ones() -> None:
    template = PromptTemplate.from_spec(PromptSpec(template="{{ text | title }}"))
    contents = [json.dumps({"text": f"n{place}"}) for place in range(200)]
    contents[7], contents[150] = json.dumps({"other": 1}), "[]"
    rendered = list(template.render_all(contents))
    failed = [place for place, one in enumerate(rendered) if isinstance(one, DocumentFailed)]
    assert failed == [7, 150]
    texts = [one.prompt.messages[0].content for one in rendered if not isinstance(one, DocumentFailed)]
    assert texts == [f"N{place}" for place in range(200) if place not in failed]


def test_a_prompt_of_a_batch_can_be_shortened() -> None:
    template = PromptTemplate.from_spec(PromptSpec(template="{{ text | title }}"))
    rendered = next(template.render_all(['{"text": "abcdef"}']))
    assert not isinstance(rendered, DocumentFailed)
    assert rendered.prompt.shortened(2)[0].content == "Ab"


def test_a_row_with_an_empty_prompt_fails_in_a_batch() -> None:
    template = PromptTemplate.from_spec(PromptSpec(template="{{ text | title }}"))
    (rendered,) = template.render_all(['{"text": " "}'])
    assert isinstance(rendered, DocumentFailed)
    assert rendered.code == "empty_prompt"


def test_a_failure_in_the_child_keeps_its_reason_and_name() -> None:
    template = Template("{{ name | title }}")
    assert template.undefined_name({}) == "name"
    with pytest.raises(PromptFailed, match="'name' is undefined"):
        template.text({})
