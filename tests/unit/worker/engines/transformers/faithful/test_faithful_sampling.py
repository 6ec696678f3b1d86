"""A sampled answer depends only on the document and its own parameters and seed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.schemas.requests import Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.transformers.alone import Alone
from tests.unit.worker.engines.transformers.cases import CASES, Case, answered, cases

MOST_BORDERS = 0.01  # of the answers: a number drawn on the border of two tokens may select either

SAMPLED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"temperature": st.sampled_from([0.3, 0.8, 1.0, 2.5]), "seed": st.integers(0, 2**63 - 1)},
    optional={
        "top_k": st.sampled_from([1, 5, 50, 10_000]),
        "top_p": st.sampled_from([0.1, 0.5, 0.95]),
        "min_p": st.sampled_from([0.01, 0.2]),
        "repetition_penalty": st.sampled_from([0.8, 1.3]),
        "presence_penalty": st.sampled_from([-1.0, 1.5]),
        "frequency_penalty": st.sampled_from([-0.5, 0.7]),
    },
)


class OneByOne:
    """An engine that answers every document alone; `borders` counts answers that differ by a border draw."""

    def __init__(self, folder: Path) -> None:
        self.compared = 0
        self.borders = 0
        self._alone = Alone(folder)
        hooks = EngineHooks(on_step=lambda: None, on_batch=lambda _: None)
        self._engine = TransformersEngine(
            str(folder), EngineOptions("cpu", batch_rows=1, batch_tokens=1), hooks
        )
        self._engine.load()

    def compare(self, case: Case, answers: dict[int, Completion]) -> None:
        """Compare a case's answers with those of its documents alone."""
        for request in case.requests:
            self.compared += 1
            alone, among = self._answer(request), answers[request.key]
            if _answer_of(among) == _answer_of(alone):
                continue
            assert self._alone.is_border_draw(request, among, alone), f"{among.text!r} is not {alone.text!r}"
            self.borders += 1

    def _answer(self, request: Request) -> Completion:
        (completion,) = self._engine.generate([replace(request, key=7, group=3)])
        assert completion.usage.prefix_tokens == 0, "it is not alone: something of an earlier answer was used"
        return completion


def _answer_of(completion: Completion) -> tuple[object, ...]:
    usage = replace(completion.usage, prefix_tokens=0)  # shared tokens may depend on neighbours
    return completion.text, completion.finish_reason, completion.reasoning, completion.failure, usage


@pytest.mark.parametrize("architecture", ["qwen3", "qwen3_5"])
def test_a_sampled_answer_is_that_of_the_document_alone(
    architecture: str, spelling: Callable[[str], Path], record_property: Callable[[str, object], None]
) -> None:
    folder = spelling(architecture)
    one_by_one = OneByOne(folder)

    @given(case=cases(SAMPLED))
    @CASES
    def check(case: Case) -> None:
        one_by_one.compare(case, answered(folder, case))

    check()
    record_property("border_draws", one_by_one.borders)
    assert one_by_one.borders <= 1 + MOST_BORDERS * one_by_one.compared


def test_the_same_document_with_another_seed_has_another_answer(spelling: Callable[[str], Path]) -> None:
    @given(case=cases(st.just({"temperature": 2.5})))
    @CASES
    def check(case: Case) -> None:
        first = case.requests[0]
        seeds = [
            replace(first, key=seed, params=first.params.overlaid({"seed": seed, "max_new_tokens": 24}))
            for seed in range(8)
        ]
        texts = {done.text for done in answered(folder, replace(case, groups=(tuple(seeds),))).values()}
        assert len(texts) > 4 or texts == {""}

    folder = spelling("qwen3")
    check()
