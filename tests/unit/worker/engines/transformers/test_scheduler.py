"""Documents that end make room for others, and failures in a step are isolated."""

import time

import pytest
import torch

from qwenq.schemas.requests import Completion
from tests.unit.worker.engines.conftest import Checkpoint
from tests.unit.worker.engines.transformers.faults import POISON, failing, holds_poison
from tests.unit.worker.engines.transformers.letters import KINDS, Engines, by_key, codes, letter, letters


@pytest.fixture
def engines(checkpoint: Checkpoint) -> Engines:
    return Engines(checkpoint)


def poison(ids: torch.Tensor) -> None:
    if holds_poison(ids):
        raise ValueError("this prompt breaks the model\nand tells more of it")


@pytest.mark.parametrize("name", [*KINDS, "sliding"])
def test_more_documents_than_rows_are_all_answered(name: str, engines: Engines) -> None:
    requests = letters(21)
    expected = by_key(engines.engine(name, rows=1).generate(requests))
    assert by_key(engines.engine(name).generate(requests)) == expected
    assert sorted(expected) == list(range(21))
    assert codes(expected) == {}


def test_rows_that_end_make_room_at_once(engines: Engines) -> None:
    long, *short = [letter(0, new=60), *(letter(key, new=1) for key in range(1, 12))]
    answers = list(engines.engine(rows=2).generate([long, *short]))
    assert answers[-1].key == 0


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("poisoned", [(3,), (0, 7, 8), tuple(range(9))])
def test_documents_that_break_the_model_fail_alone(
    name: str, poisoned: tuple[int, ...], engines: Engines
) -> None:
    requests = letters(9, poisoned)
    engine = engines.engine(name)
    expected = by_key(engines.engine(name).generate(requests))
    with failing(poison):
        answers = by_key(engine.generate(requests))
    assert codes(answers) == dict.fromkeys(poisoned, "generation_error")
    for key, answer in answers.items():
        if key not in poisoned:
            assert answer == expected[key]
    assert by_key(engine.generate(requests)) == expected


def test_seconds_count_from_the_first_admission_also_after_a_restart(
    engines: Engines,
) -> None:
    failed: list[float] = []

    def noted(ids: torch.Tensor) -> None:
        try:
            poison(ids)
        except ValueError:
            failed.append(time.monotonic())
            raise

    engine = engines.engine(rows=8)
    while len(failed) < 2:  # the document at fault may be admitted alone, and then nothing restarts
        failed.clear()
        asked_at = time.monotonic()
        with failing(noted):
            answers = [(answer, time.monotonic()) for answer in engine.generate(letters(8, (0,)))]
        assert len(answers) == 8
    restarted = [(answer, at) for answer, at in answers if answer.failure is None and at > failed[0]]
    # The document at fault and at least one other were admitted before the first failure.
    assert any(answer.seconds > at - failed[0] for answer, at in restarted)
    assert all(answer.seconds <= at - asked_at for answer, at in answers)


def test_seconds_do_not_count_waiting_for_room(engines: Engines) -> None:
    asked_at = time.monotonic()
    answers = list(engines.engine(rows=1).generate(letters(4)))
    assert all(answer.seconds > 0 for answer in answers)
    assert sum(answer.seconds for answer in answers) <= time.monotonic() - asked_at


def test_a_failure_message_has_one_line(engines: Engines) -> None:
    with failing(poison):
        (answer,) = engines.engine().generate(letters(1, (0,)))
    assert answer.failure is not None
    assert "ValueError: this prompt breaks the model" in answer.failure.message
    assert "tells more" not in answer.failure.message


def test_a_document_with_a_shared_prefix_fails_alone(engines: Engines) -> None:
    requests = letters(8)
    requests[5] = letter(5, text=f"The invoice {POISON}")
    engine = engines.engine(rows=8)
    expected = by_key(engine.generate(requests))
    with failing(poison):
        answers = by_key(engine.generate(requests))
    assert codes(answers) == {5: "generation_error"}
    assert all(answers[key] == expected[key] for key in answers if key != 5)


def test_an_error_of_the_device_passes_through(engines: Engines) -> None:
    def broken(_: torch.Tensor) -> None:
        raise torch.AcceleratorError("device-side assert")

    with failing(broken), pytest.raises(torch.AcceleratorError):
        list(engines.engine().generate(letters(3)))


class Interrupted(BaseException):
    """An exception as a signal handler raises it."""


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("when", [1, 2, 5])
def test_an_interrupted_step_leaves_the_engine_usable(name: str, when: int, engines: Engines) -> None:
    passes = 0

    def interrupted(_: torch.Tensor) -> None:
        nonlocal passes
        passes += 1
        if passes == when:
            raise Interrupted

    requests = letters(9)
    engine = engines.engine(name)
    expected = by_key(engines.engine(name).generate(requests))
    with failing(interrupted), pytest.raises(Interrupted):
        list(engine.generate(requests))
    assert by_key(engine.generate(requests)) == expected


def test_an_exception_of_on_step_during_isolation_passes_through(engines: Engines) -> None:
    failures = 0

    def noted(ids: torch.Tensor) -> None:
        nonlocal failures
        if holds_poison(ids):
            failures += 1
            raise ValueError

    def stop() -> None:
        if failures:
            raise Interrupted

    requests = letters(6, poisoned=(1,))
    engine = engines.engine()
    expected = by_key(engine.generate(requests))
    engines.on_step = stop
    with failing(noted), pytest.raises(Interrupted):
        list(engine.generate(requests))
    failures = 0
    assert by_key(engine.generate(requests)) == expected


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("withdrawn", [1, 2])
def test_a_group_can_be_withdrawn_while_a_failure_is_isolated(
    name: str, withdrawn: int, engines: Engines
) -> None:
    failures = 0

    def noted(ids: torch.Tensor) -> None:
        nonlocal failures
        if holds_poison(ids):
            failures += 1
            raise ValueError

    requests = [letter(key, group=1 + key % 2, text=POISON if key == 1 else "") for key in range(8)]
    engine = engines.engine(name, rows=8)
    expected = by_key(engine.generate(requests))
    engines.on_step = lambda: engine.withdraw(withdrawn) if failures == 1 else None
    with failing(noted):
        answers = by_key(engine.generate(requests))
    rest = {key: answer for key, answer in expected.items() if answer.group != withdrawn}
    assert codes(answers) == ({} if withdrawn == 2 else {1: "generation_error"})
    assert {key: answer for key, answer in answers.items() if answer.failure is None} == {
        key: answer for key, answer in rest.items() if key not in codes(answers)
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_withdrawn_group_gets_no_completions(name: str, engines: Engines) -> None:
    requests = [letter(key, group=key // 6) for key in range(12)]
    engine = engines.engine(name)
    expected = by_key(engine.generate(requests))
    answers: dict[int, Completion] = {}
    engines.on_step = lambda: engine.withdraw(0) if answers else None
    for answer in engine.generate(requests):
        answers[answer.key] = answer
    assert 0 < sum(answer.group == 0 for answer in answers.values()) < 6
    assert {key for key, answer in answers.items() if answer.group == 1} == set(range(6, 12))
    assert by_key(iter(answers.values())) == {key: expected[key] for key in answers}


@pytest.mark.parametrize("name", KINDS)
def test_withdrawing_the_waiting_documents_answers_the_admitted_ones(name: str, engines: Engines) -> None:
    requests = [letter(key, group=key // 8) for key in range(12)]
    engine = engines.engine(name)
    expected = by_key(engine.generate(requests))
    answers: dict[int, Completion] = {}
    kept: set[int] = set()

    def withdraw_once() -> None:
        if answers and not kept:
            kept.update(answers, engine.withdraw_waiting(0))

    engines.on_step = withdraw_once
    for answer in engine.generate(requests):
        answers[answer.key] = answer
    assert 1 < len(kept) < 8
    assert set(answers) == kept | set(range(8, 12))
    assert by_key(iter(answers.values())) == {key: expected[key] for key in answers}


@pytest.mark.parametrize("name", KINDS)
def test_withdrawing_the_rest_of_a_group_answers_its_first_documents(name: str, engines: Engines) -> None:
    requests = [letter(key, group=key // 8) for key in range(12)]
    engine = engines.engine(name)
    answered: set[int] = set()
    begun: set[int] = set()
    engines.on_step = lambda: begun.update(
        engine.withdraw_waiting(0, first=6) if answered and not begun else ()
    )
    for answer in engine.generate(requests):
        answered.add(answer.key)
    assert answered == {*range(6), *range(8, 12)} | {key for key in begun | answered if key in (6, 7)}
    assert engine.waiting() == 0


@pytest.mark.parametrize("name", KINDS)
def test_withdrawing_a_waiting_group_drops_all_of_it(name: str, engines: Engines) -> None:
    engine = engines.engine(name)
    begun: list[set[int]] = []
    engines.on_step = lambda: begun.append(set(engine.withdraw_waiting(1)))
    answered = {answer.key for answer in engine.generate([letter(key, group=key // 8) for key in range(12)])}
    assert answered == set(range(8))
    assert not any(begun)
