"""Where a template is rendered: plain ones here, others in a child that is killed when it takes too long."""

import json
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from qwenq.schemas.confined.limits import Limits
from qwenq.schemas.errors import DocumentFailed, PromptFailed
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.prompts import template as template_module
from qwenq.schemas.prompts.compiled import Failed, text_chars
from qwenq.schemas.prompts.rendering_process import LIMITS, RenderingProcess
from qwenq.schemas.prompts.template import MOST_KILLS, Template
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.templates.builtin import builtin_templates

SLOW = "{% for i in range(times) %}{% set x = i is odd %}{% endfor %}{{ name | title }}"
HANGING = "tests.unit.schemas.hanging_child"
TITLE = "{{ name | title }}"
SOON = 1.0
MOST_SECONDS = 2.0

pytestmark = pytest.mark.usefixtures("tests_importable")


@pytest.fixture
def hanging(tests_importable: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[RenderingProcess]:
    """A rendering process that hangs with the documents that say so."""
    process = RenderingProcess(LIMITS, HANGING)
    monkeypatch.setattr(template_module, "rendering_process", lambda: process)
    process.prepare()
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


def test_a_document_that_hangs_fails_alone(hanging: RenderingProcess) -> None:
    documents = [{"name": f"n{place}", "hangs": place == 2} for place in range(5)]
    texts = list(Template(TITLE).of_chunk().texts(documents))
    failed = texts.pop(2)
    assert texts == ["N0", "N1", "N3", "N4"]
    assert isinstance(failed, PromptFailed)
    assert "took longer than 1.2 s" in failed.reason
    assert "simplify the template or shorten the document" in failed.reason
    assert hanging.render("{{ 1 }}", [{}]) == ["1"]


@pytest.mark.usefixtures("hanging")
def test_a_template_that_hangs_with_every_document_is_given_up_for_its_chunk() -> None:
    documents = [{"name": "a", "hangs": True}] * 500
    template = Template(TITLE)
    longest, began, reasons = 0.0, time.monotonic(), []
    for text in template.of_chunk().texts(documents):
        longest, began = max(longest, time.monotonic() - began), time.monotonic()
        assert isinstance(text, PromptFailed)
        reasons.append(text.reason)
    assert longest < MOST_SECONDS
    assert all("took longer than 1.2 s" in reason for reason in reasons[:MOST_KILLS])
    assert set(reasons[MOST_KILLS:]) == {
        "rendering the documents before it was stopped each time; simplify the template"
    }
    assert list(template.of_chunk().texts([{"name": "b"}])) == ["B"]


@pytest.mark.usefixtures("hanging")
def test_a_document_with_a_text_begins_the_count_of_kills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_module, "MOST_KILLS", 2)
    documents = [{"name": "a", "hangs": place % 2 == 0} for place in range(4)]
    assert list(Template(TITLE).of_chunk().texts(documents))[1::2] == ["A", "A"]


def test_slow_documents_in_a_row_get_less_time_and_others_still_a_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(template_module, "HURRY_SECONDS", 0.5)
    documents = [{"name": "a", "times": 999_999 if place < 5 else 9} for place in range(7)]
    *slow, sixth, seventh = Template(SLOW).of_chunk().texts(documents)
    reasons = [one.reason for one in slow if isinstance(one, PromptFailed)]
    assert len(reasons) == len(slow)
    assert re.search(r"more than (0\.3 seconds|1000000 steps)|longer than 1\.2 s", reasons[0])
    assert re.search("more than (0.05 seconds|100000 steps)", reasons[-1])
    assert [sixth, seventh] == ["A", "A"]


def test_a_call_without_a_child_does_not_wait_beyond_its_limit() -> None:
    process = RenderingProcess(Limits(seconds=0.001))
    (outcome,) = process.render(TITLE, [{"name": "a"}])
    process.close()
    assert isinstance(outcome, Failed)
    assert "could not begin within 0.001 s" in outcome.reason


def test_the_call_after_a_kill_finds_a_child(hanging: RenderingProcess) -> None:
    for _ in range(MOST_KILLS):
        hanging.render(TITLE, [{"name": "a", "hangs": True}])
        assert hanging.is_ready()


def test_calls_of_threads_do_not_wait_for_each_other(hanging: RenderingProcess) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(2) as threads:
        values = {"name": "a", "hangs": True}
        both = [threads.submit(hanging.render, TITLE, [values]) for _ in range(2)]
        assert all(isinstance(one.result()[0], Failed) for one in both)
    assert time.monotonic() - began < 2 * LIMITS.seconds


def test_the_limit_of_a_child_is_below_two_seconds() -> None:
    assert LIMITS.seconds < 2


def test_ctrl_c_ends_a_rendering_at_once() -> None:
    waiting = RenderingProcess(Limits(seconds=60), HANGING)
    waiting.prepare()
    pressed: list[float] = []

    def press() -> None:
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(0.1, press).start()
    with pytest.raises(KeyboardInterrupt):
        waiting.render(TITLE, [{"name": "a", "hangs": True}])
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


@pytest.mark.parametrize("times", [1, 100])
def test_the_characters_of_all_texts_are_counted(times: int) -> None:
    held = {
        "a": ["é" * 3, {"b": ["xy"] * times}],
        "n": [1, 2.5, None, True] * times,
        "mixed": [1, "z"] * times,
    }
    assert text_chars({"text": "four", "l": [held] * times}) == 4 + times * (3 + 3 * times)
