"""The tiny model that the project ships: it answers right, and it talks as Qwen3 does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from examples.tiny_model import evaluate
from examples.tiny_model.model import FOLDER
from examples.tiny_model.questions import SYSTEMS

QUESTIONS = evaluate.held_out(20, plain=True)
HELLO = [{"role": "user", "content": "Hello"}]

Loaded = tuple[PreTrainedModel, PreTrainedTokenizerBase]


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return evaluate.load()


@pytest.fixture(scope="module")
def tokenizer(loaded: Loaded) -> PreTrainedTokenizerBase:
    return loaded[1]


def rendered(tokenizer: PreTrainedTokenizerBase, messages: list[dict[str, str]], **options: Any) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, **options))


def wrong(loaded: Loaded, **options: Any) -> list[tuple[str, str]]:
    """The expected and the given answer of each question that is answered wrong."""
    made = evaluate.answers(*loaded, [question.prompt for question in QUESTIONS], **options)
    pairs = zip(QUESTIONS, made, strict=True)
    return [
        (question.expected, answer) for question, answer in pairs if not evaluate.is_right(answer, question)
    ]


def test_the_tiny_model_answers_held_out_invoices(loaded: Loaded) -> None:
    assert len(wrong(loaded)) <= 1


def test_the_tiny_model_answers_under_a_system_prompt(loaded: Loaded) -> None:
    assert len(wrong(loaded, system=SYSTEMS[0])) <= 1


def test_the_tiny_model_thinks_before_it_answers(loaded: Loaded) -> None:
    question = QUESTIONS[0]
    (answer,) = evaluate.answers(*loaded, [question.prompt], thinking=True)
    assert answer == f"<think>\n{question.reasoning}\n</think>\n\n{question.expected}<|im_end|>"


def test_the_tiny_template_leaves_thinking_open_unless_switched_off(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    unset = rendered(tokenizer, HELLO, add_generation_prompt=True)
    assert unset == "<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"
    assert rendered(tokenizer, HELLO, add_generation_prompt=True, enable_thinking=True) == unset
    off = rendered(tokenizer, HELLO, add_generation_prompt=True, enable_thinking=False)
    assert off == unset + "<think>\n\n</think>\n\n"


def test_the_tiny_template_drops_reasoning_of_earlier_turns(tokenizer: PreTrainedTokenizerBase) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        *HELLO,
        {"role": "assistant", "content": "<think>\nA greeting.\n</think>\n\nHi."},
        {"role": "user", "content": "Bye"},
        {"role": "assistant", "content": "Bye.", "reasoning_content": "A farewell."},
    ]
    assert rendered(tokenizer, messages) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\nHi.<|im_end|>\n"
        "<|im_start|>user\nBye<|im_end|>\n"
        "<|im_start|>assistant\n<think>\nA farewell.\n</think>\n\nBye.<|im_end|>\n"
    )


@given(text=st.text())
def test_the_tiny_tokenizer_decodes_any_text_to_itself(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenizer.decode(ids) == text


def test_the_tiny_tokenizer_makes_each_digit_a_token(tokenizer: PreTrainedTokenizerBase) -> None:
    assert tokenizer.tokenize("20417") == ["2", "0", "4", "1", "7"]


@pytest.mark.parametrize("text", ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
def test_the_tiny_tokenizer_makes_special_text_one_token_unless_split(
    tokenizer: PreTrainedTokenizerBase, text: str
) -> None:
    assert tokenizer(text)["input_ids"] == [tokenizer.get_vocab()[text]]
    assert len(tokenizer(text, split_special_tokens=True)["input_ids"]) > 1


def test_the_tiny_models_folder_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 6_000_000
