"""Values that a person gives to a template by name."""

import json
from typing import Any

import pytest

from qwenq.actions.request import JobRequest
from qwenq.producer.opening import open_rows
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate
from qwenq.schemas.generation import GenerationParams, Overflow
from qwenq.schemas.jobs import JobSpec, PromptSpec
from qwenq.schemas.prompts.merging import MergeTemplate
from qwenq.schemas.prompts.template import Template
from qwenq.schemas.prompts.templating import PromptTemplate
from qwenq.schemas.settings import Settings
from qwenq.schemas.templates.values import with_values, without_values


def spec_of(**request: Any) -> JobSpec:
    return JobRequest(files=["rows"], **request).specify(Settings(model="echo"))


def asked(spec: JobSpec, row: dict[str, Any]) -> str:
    return PromptTemplate.from_spec(spec.prompt).render(json.dumps(row)).prompt.messages[-1].content


@pytest.mark.parametrize(
    "value",
    [
        *(
            "spam,ham",
            "",
            " a ",
            'a "quoted" one',
            "it's",
            "back\\slash \\n",
            "line\nend\r\n\ttab",
            "naïve 😀 \u2028",
        ),
        *("{{ text }}", "{% raw %}", "%}", "#}", "{# no #}"),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("last", ["!", "\n"], ids=ascii)
def test_a_value_reaches_the_prompt_as_it_was_given(value: str, last: str) -> None:
    assert Template(with_values("<{{ value }}>" + last, {"value": value})).text(
        {}
    ) == f"<{value}>" + last.strip("\n")
    template = "<{{ value }}>" + last
    assert without_values(with_values(template, {"value": value})) == (template, {"value": value})


def test_a_whole_number_stays_a_number() -> None:
    spec = spec_of(prompt="{% if most > 2 %}{{ most + 1 }}{% endif %} {{ text }}", values={"most": 3})
    assert asked(spec, {"text": "t"}) == "4 t"


def test_a_value_wins_over_a_column_and_the_row_stays_the_documents_own() -> None:
    spec = spec_of(prompt="{{ language }} {{ row }} {{ text }}", values={"language": "German"})
    row = {"language": "French", "text": "t"}
    assert asked(spec, row) == "German {'language': 'French', 'text': 't'} t"


def test_a_built_in_template_takes_values_in_both_of_its_prompts() -> None:
    spec = spec_of(template="extract", values={"fields": "due date"}, params={"on_overflow": "split"})
    assert "from the document below: due date." in asked(spec, {"text": "t"})
    merge = MergeTemplate.of(spec.prompt, GenerationParams(on_overflow=Overflow.SPLIT))
    assert merge is not None
    assert "Its fields are: due date." in merge.render({}, (), ["{}", "{}"])[-1].content


def test_line_numbers_in_messages_stay_those_of_the_template() -> None:
    with pytest.raises(InvalidTemplate) as caught:
        Template(with_values("{{ a }}\n{{ b }}\n{% if %}", {"a": "one\ntwo"}))
    assert caught.value.line == 3


def test_a_value_is_no_column_that_could_hold_the_document() -> None:
    spec = spec_of(prompt="{{ label }}: {{ body }}", values={"label": "x"})
    failed = next(PromptTemplate.from_spec(spec.prompt).render_all(['{"label": "y", "body": ""}']))
    assert "there is no text" in str(failed)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            {"prompt": "{{ labels }} {{ text }}", "values": {"label": "a"}},
            "does not use label; it uses: labels, text",
        ),
        ({"template": "classify", "values": {"lables": "a"}}, "does not use lables; it uses: labels, text"),
        ({"values": {"labels": "a"}}, "there is no prompt to use it"),
        ({"prompt": "{{ row }}", "values": {"row": "a"}}, "'row' cannot be the name of a value"),
        ({"prompt": "{{ a }}", "values": {"a b": "c"}}, "'a b' cannot be the name of a value"),
        ({"prompt": "{{ a }}", "values": {"a": ["b"]}}, "the value of a is a list"),
        ({"prompt": "{{ a }}", "values": {"a": "\0"}}, "--var a: it must not hold a NUL character"),
    ],
    ids=str,
)
def test_a_value_that_would_be_lost_or_cannot_be_set_is_refused(request_: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidParameter, match=said):
        spec_of(**request_)


def test_a_hidden_column_is_told() -> None:
    from io import BytesIO

    from qwenq.producer import opening
    from qwenq.producer.reading import Format

    told: list[str] = []
    spec = spec_of(prompt="{{ language }} {{ text }}", values={"language": "German"})
    spec = spec.model_copy(update={"sources": ("-",)})
    opening.open_input(
        spec, Format.JSONL, BytesIO(b'{"text":"a"}\n{"text":"b","language":"fr"}\n'), tell=told.append
    )
    assert told == [
        "the input has a column 'language', too: the prompt sees the value that was given instead"
    ]


def test_requests_with_other_values_are_other_requests() -> None:
    one, other = (spec_of(prompt="{{ a }} {{ text }}", values={"a": value}).prompt for value in "xy")
    assert one != other
    assert isinstance(one, PromptSpec)
    open_rows(JobSpec(model="m", prompt=one), [{"text": "t"}])
