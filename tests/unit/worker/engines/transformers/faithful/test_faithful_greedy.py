"""In float32, greedy token ids equal those of `model.generate` on the document alone."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.models import ARCHITECTURES, VARIANTS
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.transformers.alone import Alone
from tests.unit.worker.engines.transformers.cases import CASES, LONG, Case, answered, cases, everything

MOST_TIES = 0.01  # of the tokens that were compared

SHORT = [name for name in (*ARCHITECTURES, *VARIANTS) if not name.startswith("long")]
GREEDY: st.SearchStrategy[dict[str, object]] = st.just({})


def tell(alone: Alone, record_property: Callable[[str, object], None]) -> None:
    """Count near ties that were decided differently. Fail if there are too many."""
    record_property("near_ties", alone.ties)
    record_property("compared_tokens", alone.compared)
    assert alone.ties <= MOST_TIES * alone.compared


@pytest.mark.parametrize("architecture", SHORT)
def test_a_greedy_answer_is_that_of_the_document_alone(
    architecture: str, spelling: Callable[[str], Path], record_property: Callable[[str, object], None]
) -> None:
    folder = spelling(architecture)
    alone = Alone(folder)

    @given(case=cases(GREEDY))
    @example(everything(rows=5, tokens=32_768))
    @example(everything(rows=8, tokens=1_500))
    @CASES
    def check(case: Case) -> None:
        answers = answered(folder, case)
        for request in case.requests:
            alone.check(request, answers[request.key])

    check()
    tell(alone, record_property)


@pytest.mark.parametrize("architecture", ["long", "long sliding", "long qwen3_5"])
def test_prompts_too_long_for_one_pass_are_answered_as_alone(
    architecture: str, spelling: Callable[[str], Path], record_property: Callable[[str, object], None]
) -> None:
    folder = spelling(architecture)
    alone = Alone(folder)
    shared = LONG * 55  # about 1,300 tokens
    texts = ("a", LONG, shared, f"another {shared}", "7", shared, "the end")
    requests = [
        ask(text, key, instruction=shared if key % 3 else "", max_new_tokens=4 + key)
        for key, text in enumerate(texts)
    ]
    answers = answered(folder, Case((tuple(requests),), waits=0, rows=4, tokens=32_768))
    for request in requests:
        alone.check(request, answers[request.key])
    assert max(done.usage.prompt_tokens for done in answers.values()) > 2_000
    tell(alone, record_property)
