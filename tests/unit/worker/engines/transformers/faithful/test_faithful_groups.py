"""Groups are measured separately, and withdrawing one does not change the others."""

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.schemas.requests import BatchMetrics, Completion, EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.cases import CASES, Case, answered, cases

LONG_ANSWER = 40

Totals = dict[int, tuple[int, ...]]


def made(checkpoint: Path, rows: int, hooks: EngineHooks) -> TransformersEngine:
    engine = TransformersEngine(str(checkpoint), EngineOptions("cpu", batch_rows=rows), hooks)
    engine.load()
    return engine


def asked(group: int, count: int, max_new_tokens: int = LONG_ANSWER) -> list[Request]:
    """Ask for long answers. Every group has the same keys."""
    return [
        ask(f"Group {group} " * (1 + key % 3), key, group=group, max_new_tokens=max_new_tokens)
        for key in range(count)
    ]


def by_group(completions: list[Completion]) -> dict[tuple[int, int], Completion]:
    found = {(done.group, done.key): done for done in completions}
    assert len(found) == len(completions), "a document was answered twice"
    return found


def texts(answers: dict[tuple[int, int], Completion]) -> dict[tuple[int, int], str]:
    return {place: done.text for place, done in answers.items()}


def test_documents_of_two_groups_may_have_the_same_key(checkpoint: Checkpoint, quiet: EngineHooks) -> None:
    engine = made(checkpoint("qwen3"), 8, quiet)
    first, second = asked(1, 5), asked(2, 5)
    apart = by_group([*engine.generate(first), *engine.generate(second)])
    mixed = [request for pair in zip(first, second, strict=True) for request in pair]
    assert texts(by_group(list(engine.generate(mixed)))) == texts(apart)
    assert sorted(apart) == [(group, key) for group in (1, 2) for key in range(5)]


@pytest.mark.parametrize("architecture", ["qwen3", "qwen3_5"])
def test_the_metrics_of_a_group_equal_its_documents_usage(
    architecture: str, spelling: Callable[[str], Path]
) -> None:
    folder = spelling(architecture)

    @given(case=cases(st.just({})))
    @CASES
    def check(case: Case) -> None:
        metrics: list[BatchMetrics] = []
        answers = answered(folder, case, metrics.append)
        for batch in metrics:
            assert batch.padded_tokens >= batch.prompt_tokens
            assert batch.seconds >= 0
        assert _measured(metrics) == _used(case, answers)

    check()


def _measured(metrics: list[BatchMetrics]) -> Totals:
    """Sum up each group's documents, prompt tokens, reused tokens and new tokens."""
    totals: dict[int, list[BatchMetrics]] = defaultdict(list)
    for batch in metrics:
        totals[batch.group].append(batch)
    return {
        group: (
            sum(batch.rows for batch in batches),
            sum(batch.prompt_tokens + batch.prefix_tokens for batch in batches),
            sum(batch.prefix_tokens for batch in batches),
            sum(batch.new_tokens for batch in batches),
        )
        for group, batches in totals.items()
        if any(batch.rows for batch in batches)
    }


def _used(case: Case, answers: dict[int, Completion]) -> Totals:
    totals: dict[int, list[Completion]] = defaultdict(list)
    for request in case.requests:
        if answers[request.key].failure is None:
            totals[request.group].append(answers[request.key])
    return {
        group: (
            len(done),
            sum(one.usage.prompt_tokens for one in done),
            sum(one.usage.prefix_tokens for one in done),
            sum(one.usage.completion_tokens for one in done),
        )
        for group, done in totals.items()
    }


@pytest.mark.parametrize("architecture", ["qwen3", "sliding"])
@pytest.mark.parametrize("rows", [3, 32])
def test_withdrawing_a_group_does_not_change_the_others(
    architecture: str, rows: int, checkpoint: Checkpoint, quiet: EngineHooks
) -> None:
    staying, leaving = asked(1, 6), asked(2, 6)
    expected = by_group(list(made(checkpoint(architecture), rows, quiet).generate(staying)))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == len(staying + leaving) + LONG_ANSWER // 2:
            engine.withdraw(2)

    engine = made(checkpoint(architecture), rows, EngineHooks(on_step=step, on_batch=lambda _: None))
    given_back: list[Completion] = []
    late: list[Completion] = []
    mixed = [request for pair in zip(leaving, staying, strict=True) for request in pair]
    for done in engine.generate(mixed):
        (late if steps >= len(mixed) + LONG_ANSWER // 2 else given_back).append(done)
    assert sum(done.group == 2 for done in given_back) < len(leaving), "it was withdrawn too late to tell"
    assert not [done for done in late if done.group == 2]
    answers = by_group([done for done in given_back + late if done.group == 1])
    assert texts(answers) == texts(expected)


def test_a_withdrawn_group_may_come_again(checkpoint: Checkpoint, quiet: EngineHooks) -> None:
    expected = by_group(list(made(checkpoint("qwen3"), 4, quiet).generate(asked(5, 4))))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == 10:
            engine.withdraw(5)

    engine = made(checkpoint("qwen3"), 4, EngineHooks(on_step=step, on_batch=lambda _: None))
    assert list(engine.generate(asked(5, 4))) == []
    assert texts(by_group(list(engine.generate(asked(5, 4))))) == texts(expected)
