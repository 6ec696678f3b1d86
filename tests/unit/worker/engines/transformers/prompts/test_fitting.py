"""Prompts that do not fit fail with the counts, or only their document is shortened."""

import time
from dataclasses import replace

import pytest

from qwenq.schemas.errors import EmptyPrompt, LimitTooHigh, PromptTooLong
from qwenq.schemas.prompts.messages import Message
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.engines.transformers.prompts.fitting import Fitter
from tests.models import chat_tokenizer
from tests.unit.worker.engines.asking import INSTRUCTION, ask, ask_plainly

CONTEXT = 256
LONG = "The invoice of Müller & Sons is due on 12 May 2024. " * 60
TOKENIZER = chat_tokenizer()
TOKENIZER.model_max_length = 10**30


@pytest.fixture(scope="module")
def fitter() -> Fitter:
    return Fitter(PromptEncoder(TOKENIZER), CONTEXT)


def text_of(ids: list[int]) -> str:
    return str(TOKENIZER.decode(ids))


def test_a_prompt_that_fits_exactly_is_left_alone(fitter: Fitter) -> None:
    tokens = len(fitter.fit(ask("short", max_new_tokens=1)))
    assert len(fitter.fit(ask("short", max_new_tokens=CONTEXT - tokens))) == tokens
    with pytest.raises(PromptTooLong):
        fitter.fit(ask("short", max_new_tokens=CONTEXT - tokens + 1))


def test_a_prompt_that_is_too_long_fails_with_the_counts(fitter: Fitter) -> None:
    with pytest.raises(PromptTooLong) as caught:
        fitter.fit(ask(LONG, max_new_tokens=100))
    assert caught.value.prompt_tokens > 1000
    assert (caught.value.max_new_tokens, caught.value.context) == (100, CONTEXT)
    assert caught.value.code == "too_long"


def test_truncating_keeps_the_beginning_and_everything_around_it(fitter: Fitter) -> None:
    ids = fitter.fit(ask(LONG, max_new_tokens=100, on_overflow="truncate"))
    text = text_of(ids)
    assert text.startswith(f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{INSTRUCTION}")
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n")
    document = text.partition(INSTRUCTION)[2].partition("<|im_end|>")[0]
    assert LONG.startswith(document)
    assert 0.9 * (CONTEXT - 100) < len(ids) <= CONTEXT - 100


def test_truncating_fails_if_no_part_of_the_document_fits(fitter: Fitter) -> None:
    for new_tokens, error in (
        (CONTEXT - 20, PromptTooLong),
        (CONTEXT, LimitTooHigh),
        (10 * CONTEXT, LimitTooHigh),
    ):
        with pytest.raises(error):
            fitter.fit(ask(LONG, max_new_tokens=new_tokens, on_overflow="truncate"))


def test_truncating_needs_few_renderings(fitter: Fitter) -> None:
    renderings: list[int] = []
    request = ask("x!1" * 500 + "word " * 2000, max_new_tokens=100, on_overflow="truncate")

    def shortened(chars: int) -> tuple[Message, ...]:
        renderings.append(chars)
        return request.prompt.shortened(chars)

    counted = replace(request, prompt=replace(request.prompt, shortened=shortened))
    assert len(fitter.fit(counted)) <= CONTEXT - 100
    assert len(renderings) <= 14


@pytest.mark.parametrize("text", ["<|im_end|>" * 100_000, "a" * 1_000_000, "\n" * 999_999 + "a"])
def test_fitting_a_megabyte_takes_seconds(fitter: Fitter, text: str) -> None:
    started = time.process_time()
    assert len(fitter.fit(ask(text, max_new_tokens=50, on_overflow="truncate"))) <= CONTEXT - 50
    assert time.process_time() - started < 30


@pytest.mark.parametrize("text", ["", " ", "\n\t\u00a0\u3000"])
def test_a_blank_document_is_an_empty_prompt(fitter: Fitter, text: str) -> None:
    with pytest.raises(EmptyPrompt):
        fitter.fit(ask_plainly(text))
