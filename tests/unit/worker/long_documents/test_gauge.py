"""The gauge: what it accepts without counting does fit, with any tokenizer and text."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message
from qwenq.worker.engines.transformers.prompts.encoding import PromptEncoder
from qwenq.worker.long_documents.gauge import Gauge
from tests.models import chat_tokenizer
from tests.processes import TINY_MODEL


class Counting:
    """Counts with a tokenizer, and counts the calls."""

    def __init__(self, encoder: PromptEncoder) -> None:
        self._encoder = encoder
        self.asked = 0

    def prompt_tokens(self, messages: Sequence[Message], *, thinking: bool) -> int:
        """Count a prompt's tokens."""
        self.asked += 1
        return len(self._encoder.encode(messages, thinking=thinking))


@pytest.fixture(scope="module", params=["tiny", "random"])
def counting(request: pytest.FixtureRequest) -> Counting:
    """Two tokenizers: a trained one, and one with hardly any vocabulary."""
    from transformers import AutoTokenizer

    tiny = request.param == "tiny"
    return Counting(PromptEncoder(AutoTokenizer.from_pretrained(TINY_MODEL) if tiny else chat_tokenizer()))


@given(
    st.lists(
        st.builds(Message, st.sampled_from(["user", "assistant"]), st.text(max_size=60)),
        min_size=1,
        max_size=6,
    ),
    st.integers(1, 400),
    st.booleans(),
)
def test_a_prompt_that_surely_fits_does_fit(
    counting: Counting, messages: list[Message], room: int, thinking: bool
) -> None:
    params = GenerationParams(max_new_tokens=10, thinking=thinking)
    gauge = Gauge(counting, room + 10)
    if gauge.surely_fits(messages, params):
        assert gauge.tokens(messages, params) <= room


def test_a_short_prompt_is_never_counted(counting: Counting) -> None:
    params = GenerationParams(max_new_tokens=512)
    gauge = Gauge(counting, 4_096)
    assert gauge.fits((Message("user", "x" * 2_000),), params)
    asked = counting.asked
    assert all(gauge.fits((Message("user", "x" * 2_000),), params) for _ in range(100))
    assert counting.asked == asked


def test_a_prompt_that_may_not_fit_is_counted(counting: Counting) -> None:
    messages = (Message("user", "The invoice is due on 12 May 2024. " * 20),)
    tokens = Gauge(counting, 0).tokens(messages, GenerationParams())
    for room, fits in ((tokens - 1, False), (tokens, True)):
        gauge = Gauge(counting, room + 10)
        assert gauge.fits(messages, GenerationParams(max_new_tokens=10)) is fits
