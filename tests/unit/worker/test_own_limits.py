"""A row whose own limit does not fit: the error names it, and what would fit."""

from qwenq.schemas.errors import LimitTooHigh, OwnLimitTooHigh, PromptTooLong
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Request
from qwenq.worker.engines.failures import no_room

PROMPT = Prompt.whole((Message("user", "Hi"),))


def test_b14_the_rows_own_max_tokens_is_named_with_what_would_fit() -> None:
    error = no_room(Request(1, PROMPT, GenerationParams(max_new_tokens=128_000), own_limit=True), 48, 2048)
    assert isinstance(error, OwnLimitTooHigh)
    assert error.code == "too_long"
    assert "own max_tokens is 128000" in str(error)
    assert "to 2000 at most" in str(error)


def test_b14_the_jobs_limit_and_a_prompt_that_never_fits_keep_their_advice() -> None:
    params = GenerationParams(max_new_tokens=2_000)
    assert isinstance(no_room(Request(1, PROMPT, params), 49, 2048), PromptTooLong)
    assert isinstance(no_room(Request(1, PROMPT, params, own_limit=True), 3000, 2048), PromptTooLong)


def test_a_limit_beside_which_no_prompt_fits_is_to_be_lowered() -> None:
    error = no_room(Request(1, PROMPT, GenerationParams(max_new_tokens=2048)), 1, 2048)
    assert isinstance(error, LimitTooHigh)
    assert "lower --max-new-tokens" in str(error)
    assert "--on-overflow" not in str(error)
