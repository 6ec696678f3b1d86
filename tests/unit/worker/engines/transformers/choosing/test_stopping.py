"""Any number of stop strings; only the end of the text is decoded."""

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenq.schemas.generation import GenerationParams
from qwenq.worker.engines.transformers.choosing.stopping import StopSearch, Tail
from qwenq.worker.engines.transformers.prompts.vocabulary import Vocabulary
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.models import chat_tokenizer

TOKENIZER: Any = chat_tokenizer()
VOCABULARY = Vocabulary.of(TOKENIZER, None)
MANY = tuple(f"{number:04}!" for number in range(10_000))


def ids_of(text: str) -> list[int]:
    return list(TOKENIZER.encode(text, add_special_tokens=False))


@given(
    text=st.text("abc ", max_size=20),
    stops=st.lists(st.text("abc ", min_size=1, max_size=4), min_size=1, max_size=6),
)
@settings(deadline=None)
def test_the_earliest_stop_string_is_found(text: str, stops: list[str]) -> None:
    found = [text.index(stop) for stop in stops if stop in text]
    assert StopSearch(tuple(stops)).first_in(text) == min(found, default=None)


@given(text=st.text(st.sampled_from("abc def ü東👍\n"), max_size=120), chars=st.integers(1, 30))
@settings(deadline=None)
def test_the_tail_holds_all_new_text_and_the_characters_before_it(text: str, chars: int) -> None:
    tail, ids = Tail(VOCABULARY, chars), ids_of(text)
    before = ""
    for count, token in enumerate(ids, 1):
        seen, now = tail.add(token), VOCABULARY.text_of(ids[:count])
        assert now.endswith(seen)
        kept = len(now) - len(seen)
        assert kept <= max(0, len(before.rstrip("\ufffd")) - chars)
        before = now


def test_bytes_that_make_no_character_are_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    broken, tail = ids_of("ü")[0], Tail(VOCABULARY, 10)
    longest, decode = 0, Vocabulary.text_of

    def watched(vocabulary: Vocabulary, ids: list[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return decode(vocabulary, ids)

    monkeypatch.setattr(Vocabulary, "text_of", watched)
    for _ in range(200):
        tail.add(broken)
    assert longest <= 40
    for token in ids_of(" The total."):
        seen = tail.add(token)
    assert seen.endswith(" The total.")


def test_any_of_ten_thousand_stop_strings_is_found() -> None:
    state = RequestState(0, [1], GenerationParams(stop=MANY, max_new_tokens=500), VOCABULARY)
    for token in ids_of("The total is due. Now 9876! No more."):
        if not state.ended:
            state.append(token)
    assert state.ended
    assert state.answer == "The total is due. Now "


def test_ten_thousand_stop_strings_cost_no_more_a_token_than_one() -> None:
    ids = ids_of("The invoice of Müller & Sons is due. " * 40)

    def seconds(stops: tuple[str, ...]) -> float:
        state = RequestState(0, [1], GenerationParams(stop=stops, max_new_tokens=10_000), VOCABULARY)
        began = time.thread_time()
        for token in ids:
            state.append(token)
        return time.thread_time() - began

    assert min(seconds(MANY) for _ in range(3)) < 5 * min(seconds(("nothing of this",)) for _ in range(3))
