"""How answers end, their reasoning and their usage: token by token, with a real tokenizer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.convert_slow_tokenizer import bytes_to_unicode

from qwenq.schemas.errors import GenerationFailed
from qwenq.schemas.generation import QWEN_CLOSING, GenerationParams
from qwenq.schemas.requests import Completion
from qwenq.schemas.results import FinishReason
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.models import chat_tokenizer

TOKENIZER: Any = chat_tokenizer()
NAMED: Any = GenerationConfig(eos_token_id=TOKENIZER.pad_token_id)  # type: ignore[no-untyped-call]
VOCABULARY = Vocabulary.of(TOKENIZER, NAMED)
END = "<|im_end|>"


ENCODER = PromptEncoder(TOKENIZER)
LETTERS: Any = bytes_to_unicode  # no types
OF_BYTE = [TOKENIZER.convert_tokens_to_ids(letter) for _, letter in sorted(LETTERS().items())]


def ids_of(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False))


def ids_of_bytes(text: str) -> list[int]:
    """A token for each byte."""
    return [OF_BYTE[byte] for byte in text.encode()]


def respond(model_says: str, prompt: str = "x", **params: Any) -> Completion:
    """Answer like a model that says `text`, unless tokens are forced."""
    params = {"max_new_tokens": 300} | params
    wanted = GenerationParams(**params)
    closing = ENCODER.closing(wanted.thinking_closing)
    state = RequestState(3, ids_of(prompt), wanted, VOCABULARY, closing=closing)
    said = iter(ids_of(model_says))
    while not state.ended:
        state.append(state.forced[0] if state.forced else next(said))
    return state.completion(ended_at=0.0)


def answer(generated: str, prompt: str = "x", **params: Any) -> Completion:
    """Feed the tokens of `generated` one by one, until the state has ended."""
    params = {"max_new_tokens": 100} | params
    state = RequestState(3, ids_of(prompt), GenerationParams(**params), VOCABULARY)
    for token in ids_of(generated):
        if not state.ended:
            state.append(token)
    assert state.ended, "the tokens ran out first"
    return state.completion(ended_at=0.0)


@pytest.mark.parametrize("end", [END, "<|endoftext|>"])
def test_an_end_token_ends_the_answer_and_is_counted_but_not_shown(end: str) -> None:
    done = answer(f"The total.{end}")
    assert (done.key, done.text, done.reasoning) == (3, "The total.", None)
    assert done.finish_reason is FinishReason.STOP
    assert done.usage.prompt_tokens == 1
    assert done.usage.completion_tokens == len(ids_of("The total.")) + 1
    assert done.usage.reasoning_tokens == 0


def test_the_limit_ends_the_answer() -> None:
    done = answer("The total is due", max_new_tokens=2)
    assert done.finish_reason is FinishReason.LENGTH
    assert done.usage.completion_tokens == 2
    assert "The total is due".startswith(done.text)


def test_an_end_token_at_the_limit_is_a_stop() -> None:
    ids = ids_of("The total.")
    done = answer(f"The total.{END}", max_new_tokens=len(ids) + 1)
    assert done.finish_reason is FinishReason.STOP


@given(
    text=st.text(st.sampled_from("abc def ü東\n"), min_size=1, max_size=30),
    cut=st.integers(0, 29),
    length=st.integers(1, 6),
)
def test_a_stop_string_ends_the_answer_wherever_tokens_split_it(text: str, cut: int, length: int) -> None:
    start = min(cut, len(text) - 1)
    stop = text[start : start + length]
    done = answer(text + END, stop=(stop,))
    assert done.text == text[: text.index(stop)]
    assert done.finish_reason is FinishReason.STOP


def test_the_earliest_stop_string_counts() -> None:
    assert answer(f"one two three{END}", stop=("three", "two")).text == "one "


def test_generation_ends_with_the_token_that_completes_a_stop_string() -> None:
    done = answer(f"due euros total due euros total{END}", stop=("euros",))
    assert done.usage.completion_tokens < len(ids_of("due euros total"))


def test_reasoning_is_kept_apart_and_counted() -> None:
    thought = "<think>\nLet me see.\n</think>"
    done = answer(f"{thought}\n\nThe total.{END}", thinking=True)
    assert (done.reasoning, done.text) == ("Let me see.", "The total.")
    assert done.usage.reasoning_tokens == len(ids_of(thought))
    assert done.usage.completion_tokens == len(ids_of(f"{thought}\n\nThe total.")) + 1


def test_a_truncated_reasoning_is_never_the_answer() -> None:
    done = answer("<think>\nThe total is due soon", thinking=True, max_new_tokens=4)
    assert done.text == ""
    assert done.reasoning
    assert "<think>" not in done.reasoning
    assert done.finish_reason is FinishReason.LENGTH
    assert done.usage.reasoning_tokens == done.usage.completion_tokens == 4


def test_a_reasoning_without_an_answer_leaves_the_answer_empty() -> None:
    done = answer(f"<think>\nThe total{END}", thinking=True)
    assert (done.text, done.reasoning) == ("", "The total")


def test_reasoning_that_the_template_opened_is_recognized() -> None:
    done = answer(f"Let me see.\n</think>\n\nDone.{END}", prompt="x<think>\n", thinking=True)
    assert (done.reasoning, done.text) == ("Let me see.", "Done.")
    cut = answer("Let me see", prompt="x<think>\n", thinking=True, max_new_tokens=2)
    assert cut.text == ""
    assert cut.reasoning


def test_reasoning_that_the_template_closed_is_over() -> None:
    done = answer(f"Done.{END}", prompt="x<think>\n\n</think>\n\n")
    assert (done.reasoning, done.text) == (None, "Done.")


def test_reasoning_without_its_opening_is_still_reasoning_if_asked_for() -> None:
    done = answer(f"Let me see.</think>Done.{END}", thinking=True)
    assert (done.reasoning, done.text) == ("Let me see.", "Done.")


def test_without_thinking_a_closing_tag_is_a_part_of_the_answer() -> None:
    done = answer(f"The tag </think> closes.{END}")
    assert (done.reasoning, done.text) == (None, "The tag </think> closes.")


def test_a_stop_string_in_the_reasoning_ends_nothing() -> None:
    generated = f"<think>\nThe total is\n\nthis.\n</think>\n\nThe total.{END}"
    done = answer(generated, thinking=True, stop=("total", "\n\n"))
    assert (done.reasoning, done.text) == ("The total is\n\nthis.", "The ")


THOUGHT = "<think>\nLet me see what the invoice says of it"
CLOSING = ids_of(f"\n\n{QWEN_CLOSING}\n</think>\n\n")


def test_a_reasoning_at_its_budget_is_closed_as_qwen_does_and_the_model_answers() -> None:
    budget = len(ids_of(THOUGHT))
    done = respond(f"{THOUGHT}The total.{END}", thinking=True, thinking_budget=budget)
    thought = THOUGHT.removeprefix("<think>\n")
    assert (done.reasoning, done.text) == (f"{thought}\n\n{QWEN_CLOSING}", "The total.")
    assert done.finish_reason is FinishReason.STOP
    assert done.usage.reasoning_tokens == budget + CLOSING.index(VOCABULARY.think_close or 0) + 1
    assert done.usage.completion_tokens == budget + len(CLOSING) + len(ids_of("The total.")) + 1


def test_a_thinking_budget_counts_in_a_block_that_the_template_opened() -> None:
    done = respond(f"Let me{END}", prompt="x<think>\n", thinking=True, thinking_budget=len(ids_of("Let me")))
    assert (done.reasoning, done.text) == (f"Let me\n\n{QWEN_CLOSING}", "")
    assert done.usage.completion_tokens == len(ids_of("Let me")) + len(CLOSING) + 1


@pytest.mark.parametrize("thinking", [True, False])
def test_a_thinking_budget_of_zero_closes_a_block_at_once(thinking: bool) -> None:
    done = respond(f"Done.{END}", prompt="x<think>\n", thinking=thinking, thinking_budget=0)
    assert (done.reasoning, done.text) == (QWEN_CLOSING, "Done.")
    opened = respond(f"<think>Done.{END}", thinking=thinking, thinking_budget=0)
    assert (opened.reasoning, opened.text) == (QWEN_CLOSING, "Done.")


@pytest.mark.parametrize(("sentence", "said"), [("", "Let me"), ("Enough.", "Let me\n\nEnough.")])
def test_the_sentence_that_closes_a_reasoning_can_be_chosen(sentence: str, said: str) -> None:
    params = {"thinking_budget": len(ids_of("Let me")), "thinking_closing": sentence}
    done = respond(f"Let meDone.{END}", prompt="x<think>\n", thinking=True, **params)
    assert (done.reasoning, done.text) == (said, "Done.")


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("text", ["Å", "東", "🙂", "x東", "é🙂"])
def test_a_limit_within_a_character_leaves_no_replacement_character(text: str, cut: int) -> None:
    limit = 1 + cut
    state = RequestState(3, [1], GenerationParams(max_new_tokens=limit), VOCABULARY)
    for token in ids_of_bytes(text * 5)[:limit]:
        state.append(token)
    done = state.completion(ended_at=0.0)
    whole = (text * 5).encode()[:limit].decode(errors="ignore")
    assert (done.text, done.usage.completion_tokens) == (whole, limit)


@pytest.mark.parametrize("budget", [1, 2, 3, 4])
def test_a_budget_within_a_character_leaves_no_replacement_character(budget: int) -> None:
    params = GenerationParams(thinking=True, thinking_budget=budget, max_new_tokens=500)
    state = RequestState(3, ids_of("x<think>\n"), params, VOCABULARY, closing=ENCODER.closing(""))
    said = iter([*ids_of_bytes("é東")[:budget], *ids_of(f"Done.{END}")])
    while not state.ended:
        state.append(state.forced[0] if state.forced else next(said))
    done = state.completion(ended_at=0.0)
    assert done.reasoning == "é東".encode()[:budget].decode(errors="ignore")


def test_a_replacement_character_that_the_model_wrote_stays() -> None:
    ids = ids_of_bytes("a\ufffd")
    state = RequestState(3, [1], GenerationParams(max_new_tokens=len(ids)), VOCABULARY)
    for token in ids:
        state.append(token)
    assert state.completion(ended_at=0.0).text == "a\ufffd"


def test_a_reasoning_within_its_budget_is_not_closed() -> None:
    whole = f"<think>\nLet me see.\n</think>\n\nThe total.{END}"
    assert respond(whole, thinking=True, thinking_budget=60) == respond(whole, thinking=True)


def test_a_thinking_budget_does_not_concern_a_request_that_does_not_reason() -> None:
    prompt = "x<think>\n\n</think>\n\n"
    assert respond(f"Done.{END}", prompt=prompt, thinking_budget=0) == respond(f"Done.{END}", prompt=prompt)


def test_the_token_limit_also_ends_forced_tokens() -> None:
    done = respond(THOUGHT, thinking=True, thinking_budget=3, max_new_tokens=4)
    assert (done.text, done.finish_reason) == ("", FinishReason.LENGTH)
    assert done.usage.completion_tokens == done.usage.reasoning_tokens == 4


def test_a_stop_string_does_not_stop_forced_tokens() -> None:
    done = respond(f"{THOUGHT}The total.{END}", thinking=True, thinking_budget=5, stop=("\n\n", "</think>"))
    assert done.text.startswith(" me see")
    assert done.finish_reason is FinishReason.STOP


def test_a_completion_has_the_reused_tokens_and_the_group() -> None:
    state = RequestState(1, ids_of("one two"), GenerationParams(max_new_tokens=1), VOCABULARY, group=7)
    state.prefix_tokens = 2
    state.append(5)
    done = state.completion(ended_at=0.0)
    assert (done.group, done.usage.prefix_tokens, done.usage.prompt_tokens) == (7, 2, len(ids_of("one two")))
    state.fail(GenerationFailed(reason="reason"))
    assert state.completion(ended_at=0.0).group == 7


def test_a_restarted_request_is_as_new() -> None:
    params = GenerationParams(temperature=1.0, seed=4, repetition_penalty=1.1, thinking_budget=2, stop=("b",))
    state = RequestState(1, ids_of("x"), params, VOCABULARY, group=5, closing=(5,))
    assert state.randomness is not None
    before = state.randomness.get_state().tolist()
    state.prefix_tokens = 1
    for token in ids_of("<think>a"):
        state.append(token)
    assert state.forced
    state.fail(GenerationFailed(reason="reason"))
    state.restart()
    assert (state.generated, state.ended, state.failure) == ([], False, None)
    assert (state.answer_from, list(state.forced), state.prefix_tokens) == (0, [], 0)
    assert (state.key, state.group) == (1, 5)
    assert state.penalties is not None
    assert list(state.penalties.tokens) == ids_of("x")
    assert state.randomness.get_state().tolist() == before


@pytest.mark.parametrize(
    ("said", "params", "reason"),
    [
        (
            "<think>\nThe total is due soon",
            {"thinking": True, "max_new_tokens": 4},
            "reasoning was cut at 4 tokens",
        ),
        (f"<think>\nThe total{END}", {"thinking": True}, "ended with its reasoning"),
        (END, {}, "the model gave no text"),
        ("\n\n\n\n", {"max_new_tokens": 1}, "gave no text; raise --max-new-tokens"),
    ],
    ids=["cut", "ended", "empty", "blank"],
)
def test_a_required_answer_without_text_fails_and_says_why(
    said: str, params: dict[str, Any], reason: str
) -> None:
    assert answer(said, **params).failure is None
    failure = answer(said, require_answer=True, **params).failure
    assert failure is not None
    assert failure.code == "no_answer"
    assert reason in failure.message


def test_a_required_answer_with_text_is_the_same() -> None:
    assert answer(f"The total.{END}", require_answer=True) == answer(f"The total.{END}")
