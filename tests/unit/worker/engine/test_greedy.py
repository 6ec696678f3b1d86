"""Greedy answers in float32 are, token for token, those of `model.generate` on the document alone."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.generation import GenerationParams
from tests.models import ARCHITECTURES
from worker.engine import batching
from worker.engine.batch_run import BatchRun
from worker.engine.sequence import Sequence
from worker.engine.vocabulary import Vocabulary

NEAR_TIE = 1e-4  # between the two best logits: rounding may decide
SHAPES = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 24)), min_size=1, max_size=9)


def answered(
    network: Any, vocabulary: Vocabulary, prompts: list[list[int]], new: list[int]
) -> list[list[int]]:
    rows = [
        Sequence(key, prompt, GenerationParams(max_new_tokens=count), vocabulary)
        for key, (prompt, count) in enumerate(zip(prompts, new, strict=True))
    ]
    run = BatchRun(network, rows)
    while run.unfinished:
        run.step()
    return [row.generated for row in rows]


def alone(network: Any, prompt: list[int], new: int) -> Any:
    """Give the new tokens of `generate` and the logits that chose them."""
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        output = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=new,
            return_dict_in_generate=True,
            output_logits=True,
        )
    return output.sequences[0, len(prompt) :].tolist(), torch.cat(output.logits)


def check_against_alone(network: Any, ours: list[int], prompt: list[int], new: int) -> bool:
    """Fail where an answer differs although the model was sure; tell whether a near tie made it differ."""
    expected, logits = alone(network, prompt, new)
    if ours == expected:
        return False
    differs = next(i for i, pair in enumerate(zip(ours, expected, strict=False)) if len({*pair}) > 1)
    best, second = logits[differs].topk(2).values.tolist()
    assert best - second < NEAR_TIE, f"token {differs} differs, with {best - second} between the best"
    return True


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_batch_answers_as_the_model_alone(
    architecture: str,
    engine_of: Callable[[str], Any],
    network_of: Callable[[str], Any],
    record_property: Callable[[str, object], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vocabulary = engine_of(architecture)._loaded.vocabulary
    network = network_of(architecture)
    compared = ties = 0

    @given(shapes=SHAPES, seed=st.integers(0, 1000), few=st.sampled_from([1, 100, 1024]))
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    def check(shapes: list[tuple[int, int]], seed: int, few: int) -> None:
        nonlocal compared, ties
        # Low, so that small batches too go through the model in groups that join.
        monkeypatch.setattr(batching, "FEW_PREFILL_CELLS", few)
        draw = torch.Generator().manual_seed(seed)
        prompts = [torch.randint(0, 427, (length,), generator=draw).tolist() for length, _ in shapes]
        prompts.sort(key=len, reverse=True)
        new = [count for _, count in shapes]
        for ours, prompt, count in zip(
            answered(network, vocabulary, prompts, new), prompts, new, strict=True
        ):
            ties += check_against_alone(network, ours, prompt, count)
            compared += 1

    check()
    record_property("near ties that turned", f"{ties} of {compared}")
    assert ties <= compared / 20
