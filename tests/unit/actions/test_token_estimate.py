"""Tokens estimated from a text: within 10 % of what the vocabulary of Qwen2 and Qwen3 gives."""

import json
from pathlib import Path

import pytest

from qwenq.actions.token_estimate import MESSAGE_TOKENS, estimated_tokens

# With the number of tokens by the tokenizer of Qwen.
TEXTS = {
    name: (one["tokens"], one["text"])
    for name, one in json.loads(Path(__file__).with_name("counted_texts.json").read_text("utf-8")).items()
}


@pytest.mark.parametrize("name", TEXTS)
def test_an_estimate_is_within_a_tenth_of_the_tokens(name: str) -> None:
    tokens, text = TEXTS[name]
    estimate = estimated_tokens([text]) - 2 * MESSAGE_TOKENS
    assert estimate == pytest.approx(tokens, rel=0.1)


def test_an_english_instruction_does_not_make_a_german_document_english() -> None:
    tokens, german = TEXTS["german contract"]
    english_tokens, english = TEXTS["english letter"]
    estimate = estimated_tokens([f"{english}\n\n{german}"]) - 2 * MESSAGE_TOKENS
    assert estimate == pytest.approx(tokens + english_tokens, rel=0.1)


def test_digits_are_counted_one_by_one() -> None:
    assert estimated_tokens(["12345678 90"]) - 2 * MESSAGE_TOKENS == 10
