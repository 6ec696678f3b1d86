"""Answers stream as each finishes, and an interrupted generation leaves nothing behind."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from qwenq.schemas.errors import LeaseLost, StoreAway
from qwenq.schemas.requests import EngineHooks, Request
from qwenq.worker.engines.options import EngineOptions
from qwenq.worker.engines.transformers.engine import TransformersEngine
from tests.unit.worker.engines.asking import ask
from tests.unit.worker.engines.conftest import Checkpoint
from tests.waiting import eventually

PATIENCE = 60.0  # seconds
LONG = 40

Made = Callable[[Callable[[], None]], TransformersEngine]


@pytest.fixture(params=["qwen3", "sliding", "qwen3_5"])
def made(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> Made:
    """Make an engine that calls `on_step` at every step."""

    def make(on_step: Callable[[], None]) -> TransformersEngine:
        hooks = EngineHooks(on_step=on_step, on_batch=lambda _: None)
        engine = TransformersEngine(str(checkpoint(request.param)), EngineOptions("cpu", batch_rows=4), hooks)
        engine.load()
        return engine

    return make


def asked(count: int = 9, new: int = LONG) -> list[Request]:
    return [ask("The total " * (1 + key % 4), key, max_new_tokens=new) for key in range(count)]


def texts(engine: TransformersEngine, requests: list[Request]) -> dict[int, str]:
    answers = list(engine.generate(requests))
    assert len(answers) == len(requests)
    return {answer.key: answer.text for answer in answers}


def nothing() -> None:
    """Do nothing at a step."""


def test_a_short_answer_does_not_wait_for_a_long_one(made: Made) -> None:
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    requests = [ask("The total", 1, max_new_tokens=10 * LONG), ask("The total is", 2, max_new_tokens=2)]
    first = next(iter(made(step).generate(requests)))
    assert first.key == 2
    assert steps < LONG


def test_an_answer_comes_while_the_next_request_is_still_awaited(made: Made) -> None:
    answered = threading.Event()
    answered_in_time = False

    def coming() -> Iterator[Request]:
        nonlocal answered_in_time
        yield ask("The total", 1, max_new_tokens=2)
        answered_in_time = answered.wait(PATIENCE)
        yield ask("The total is", 2, max_new_tokens=2)

    keys = []
    for answer in made(nothing).generate(coming()):
        keys.append(answer.key)
        answered.set()
    assert keys == [1, 2]
    assert answered_in_time


def test_an_exception_of_on_step_passes_through_and_the_engine_stays_usable(made: Made) -> None:
    breaks_at = 0
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == breaks_at:
            raise LeaseLost(chunk_id=1, attempt=2)

    engine = made(step)
    expected = texts(engine, asked())
    for breaks_at in (1, 5, 14, 30):
        steps = 0
        with pytest.raises(LeaseLost):
            list(engine.generate(asked()))
        steps = breaks_at
        assert texts(engine, asked()) == expected


@pytest.mark.parametrize("good", [0, 1, 7])
def test_an_exception_of_the_requests_passes_through(made: Made, good: int) -> None:
    def coming() -> Iterator[Request]:
        yield from asked(good)
        raise StoreAway(url="sqlite://", reason="gone")

    engine = made(nothing)
    with pytest.raises(StoreAway):
        list(engine.generate(coming()))
    assert sorted(texts(engine, asked())) == list(range(9))


def test_an_abandoned_generation_leaves_no_thread_behind(made: Made) -> None:
    engine = made(nothing)
    expected = texts(engine, asked())
    before = set(threading.enumerate())
    answers = engine.generate(iter(asked()))
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    eventually(lambda: set(threading.enumerate()) <= before, "its threads have ended", PATIENCE)
    assert texts(engine, asked()) == expected


@pytest.mark.parametrize("passes", [1, 2, 3, 8])
def test_an_interrupt_within_a_step_leaves_the_engine_usable(made: Made, passes: int) -> None:
    left = passes

    def interrupt(module: torch.nn.Module, _: object) -> None:
        nonlocal left
        if isinstance(module, torch.nn.Embedding):
            left -= 1
            if left == 0:
                raise KeyboardInterrupt

    shared = "Read the contract, and say in one sentence what it is about. " * 3
    requests = [ask(f"{key} " * key, key, instruction=shared, max_new_tokens=8) for key in range(1, 9)]
    expected = texts(made(nothing), requests)
    engine = made(nothing)
    with register_module_forward_pre_hook(interrupt), pytest.raises(KeyboardInterrupt):
        list(engine.generate(requests))
    assert texts(engine, requests) == expected


def test_no_requests_give_no_answers(made: Made) -> None:
    assert list(made(nothing).generate(iter(()))) == []
