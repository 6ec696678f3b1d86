"""Chat templates and tokenizers that fail with a document, never end, or take all memory: the document fails, soon."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from qwenq.schemas.errors import DocumentFailed, PromptFailed
from qwenq.schemas.prompts.messages import Message
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.engines.transformers.prompts.ordinary import is_ordinary
from tests.models import CHATML, chat_tokenizer
from tests.processes import TINY_MODEL

FOR_EVER = "".join(f"{{% for {name} in range(99999) %}}" for name in "abc") + "{% endfor %}" * 3
DOUBLING = (
    "{% set ns = namespace(x=messages[0].content) %}"
    "{% for i in messages[0].content %}{% set ns.x = ns.x ~ ns.x %}"
)
SPOILT = {
    "a loop": FOR_EVER,
    "gigabytes": "{{ messages[0].content * 10000000000 }}",
    "a text that doubles": f"{DOUBLING}{{% endfor %}}",
    "a TypeError": "{{ 1 + 'a' }}",
    "a division by zero": "{{ 1 // 0 }}",
    "a macro without end": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "an undefined value": "{{ nothing.here.at_all }}",
}
SECONDS = 5
QWEN3 = (
    "{%- if messages[0].role == 'system' %}"
    "{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{%- endif %}"
    "{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}"
    "{%- for message in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}"
    "{%- if ns.multi_step_tool and message.role == 'user' and message.content is string and not("
    "message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}"
    "{%- set ns.multi_step_tool = false %}{%- set ns.last_query_index = index %}{%- endif %}{%- endfor %}"
    "{%- for message in messages %}{%- set content = message.content %}{%- set reasoning_content = '' %}"
    "{%- if '</think>' in content %}"
    "{%- set reasoning_content = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}"
    "{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}"
    "{{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + content }}"
    "{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}{{- tool_call.arguments | tojson }}"
    "{%- endfor %}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)


def spoilt(template: str) -> PromptEncoder:
    """An encoder whose template does so where the document says SPOIL."""
    tokenizer = chat_tokenizer()
    tokenizer.chat_template = f"{{% if 'SPOIL' in messages[-1].content %}}{template}{{% endif %}}{CHATML}"
    return PromptEncoder(tokenizer)


@pytest.fixture
def closing() -> Iterator[Callable[[PromptEncoder], PromptEncoder]]:
    made: list[PromptEncoder] = []

    def keep(encoder: PromptEncoder) -> PromptEncoder:
        made.append(encoder)
        return encoder

    yield keep
    for encoder in made:
        encoder.close()


@pytest.mark.parametrize("template", SPOILT.values(), ids=SPOILT)
def test_a_template_that_fails_with_a_document_fails_it_within_seconds(
    template: str, closing: Callable[[PromptEncoder], PromptEncoder]
) -> None:
    encoder = closing(spoilt(template))
    started = time.monotonic()
    with pytest.raises(PromptFailed, match="the model's chat template"):
        encoder.encode([Message("user", "SPOIL" * 20)], thinking=False)
    assert time.monotonic() - started < SECONDS
    assert encoder.encode([Message("user", "Fine.")], thinking=False)


@pytest.mark.parametrize(
    "raised", [TypeError("no text"), RuntimeError("a merge is missing"), MemoryError()], ids=repr
)
def test_a_tokenizer_that_raises_fails_the_document(
    raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer: Any = chat_tokenizer()

    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(tokenizer, "_encode_plus", fail, raising=False)
    encoder = PromptEncoder(tokenizer)
    with pytest.raises(DocumentFailed, match=f"tokenizer fails with it: {type(raised).__name__}"):
        encoder.encode([Message("user", "One.")], thinking=False)


@pytest.mark.parametrize("template", [CHATML, QWEN3, (TINY_MODEL / "chat_template.jinja").read_text("utf-8")])
def test_an_ordinary_template_is_rendered_without_a_trial(template: str) -> None:
    assert is_ordinary(template)


@pytest.mark.parametrize(
    "template",
    [
        FOR_EVER,
        f"{DOUBLING}{{% endfor %}}",
        "{% for a in messages %}{% for b in messages %}{{ b.content }}{% endfor %}{% endfor %}",
        "{% for a in messages recursive %}{{ loop(messages) }}{% endfor %}",
        "{{ messages[0].content.replace('', messages[0].content) }}",
        "{{ messages[0].content | center(9999999999) }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%9999999999d' % 1 }}",
        "".join(f"{{% set a{i + 1} = a{i} ~ a{i} %}}" for i in range(40)),
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% set f = range %}{{ f(9) }}",
        "{% for m in messages %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{{ broken",
    ],
)
def test_a_template_that_may_take_long_is_not_ordinary(template: str) -> None:
    assert not is_ordinary(template)
