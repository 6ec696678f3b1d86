"""A call that is repeated while a block runs."""

import threading

from qwenq.schemas.repeating import repeating


def test_a_call_is_repeated_after_the_seconds_that_it_returns_until_it_returns_none() -> None:
    answers: list[float | None] = [0.0, 0.001, None]
    ended = threading.Event()

    def call() -> float | None:
        answer = answers.pop(0)
        if answer is None:
            ended.set()
        return answer

    with repeating("test", call):
        assert ended.wait(30)
    assert answers == []


def test_the_end_of_the_block_waits_for_a_call_that_runs_but_only_as_long_as_asked() -> None:
    began, go_on, told = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        go_on.wait()
        told.set()

    with repeating("test", call, last_word=0.01):
        assert began.wait(30)
    assert not told.is_set()
    go_on.set()
    assert told.wait(30)
    told.clear()
    began.clear()
    with repeating("test", call):
        assert began.wait(30)
    assert told.is_set()


def test_no_call_is_made_after_the_block() -> None:
    calls: list[None] = []
    with repeating("test", lambda: calls.append(None), after=600.0):
        pass
    assert calls == []
