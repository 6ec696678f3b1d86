"""The intake: its order, how far it reads ahead, and how it handles failures."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from qwenq.schemas.errors import EmptyPrompt
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.prompts.messages import Message, Prompt
from qwenq.schemas.requests import Request
from qwenq.worker.engines.transformers import intake as intake_module
from qwenq.worker.engines.transformers.intake import Intake
from qwenq.worker.engines.transformers.request_state import RequestState
from tests.unit.worker.engines.transformers.coming import LONG, Coming
from tests.unit.worker.engines.transformers.running import document


def request(key: int, length: int, group: int = 0, *, closes: bool = False, new: int = 5) -> Request:
    """Make a request whose prompt has `length` tokens; 0 makes it fail in the intake."""
    prompt = Prompt((Message("user", "x" * length),), length, lambda _: ())
    return Request(key, prompt, GenerationParams(max_new_tokens=new), group, closes)


def prepare(request: Request) -> RequestState:
    if not request.prompt.document_chars:
        raise EmptyPrompt
    params = request.params
    return document([5] * request.prompt.document_chars, params.max_new_tokens, request.key, request.group)


def chunk(group: int, lengths: Iterable[int]) -> list[Request]:
    """Make a group's requests; the last one closes it. Keys tell the group and the place."""
    lengths = list(lengths)
    return [
        request(100 * group + place, length, group, closes=place == len(lengths) - 1)
        for place, length in enumerate(lengths)
    ]


@pytest.fixture
def taken_in() -> Iterator[Callable[..., Intake]]:
    """Make intakes, and end their threads afterwards."""
    made: list[tuple[Intake, Coming]] = []

    def intake_of(requests: Iterable[Request] | Coming, enough: int = 1000) -> Intake:
        coming = requests if isinstance(requests, Coming) else Coming(requests)
        made.append((Intake(coming, prepare, enough), coming))
        return made[-1][0]

    yield intake_of
    for intake, coming in made:
        intake.close()
        coming.allowed.release(10_000)
    join_readers()


def join_readers() -> None:
    for thread in threading.enumerate():
        if thread.name == "intake":
            thread.join(LONG)
            assert not thread.is_alive()


def drained(intake: Intake, coming: Coming | None = None) -> list[RequestState]:
    """Pop all documents in order; `coming` gets each."""
    order = []
    while not intake.exhausted:
        intake.wait(LONG)
        while (first := intake.first()) is not None:
            if coming is not None:
                coming.taken += 1
            intake.pop(first)
            order.append(first)
        intake.pop_failed()
    return order


def test_the_longest_document_of_a_group_goes_first(taken_in: Callable[..., Intake]) -> None:
    coming = Coming(chunk(1, [3, 9, 1, 9, 4]))
    intake = taken_in(coming)
    coming.wait_asked(6)
    assert [len(one.prompt) for one in drained(intake)] == [9, 9, 4, 3, 1]


def test_of_equal_prompts_the_longest_answer_goes_first(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([request(0, 4, new=2), request(1, 4, new=9), request(2, 4, new=5)])
    intake = taken_in(coming)
    coming.wait_asked(4)
    assert [one.key for one in drained(intake)] == [1, 2, 0]


def test_groups_keep_their_order(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(2, [3, 5]), *chunk(1, [900, 4])])
    intake = taken_in(coming)
    coming.wait_asked(5)
    assert [one.key for one in drained(intake)] == [201, 200, 100, 101]


def test_an_urgent_request_is_read_beside_more_than_enough_and_goes_first(
    taken_in: Callable[..., Intake],
) -> None:
    urgent = [replace(chunk(group, [1])[0], urgent=True) for group in (2, 3)]
    coming = Coming([*chunk(1, [5, 9, 7]), *urgent, *chunk(4, [3])])
    intake = taken_in(coming, enough=2)
    coming.wait_asked(3)
    before = intake.first()
    assert before is not None
    intake.hurry()
    coming.wait_asked(6)
    first = intake.first()
    assert first is not None
    intake.pop(before)
    assert [one.key for one in drained(intake)] == [200, 300, 102, 100, 400]
    assert (before.key, first.key) == (101, 200)


def test_a_withdrawn_urgent_request_is_dropped(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([replace(chunk(1, [1])[0], urgent=True), *chunk(2, [1])])
    intake = taken_in(coming)
    coming.wait_asked(3)
    assert (intake.waiting, intake.holds(1)) == (2, True)
    intake.withdraw(1)
    assert (intake.waiting, intake.holds(1)) == (1, False)
    assert [one.key for one in drained(intake)] == [200]


def test_pop_removes_the_given_document_though_a_longer_one_came_since(
    taken_in: Callable[..., Intake],
) -> None:
    coming = Coming([request(0, 3), request(1, 9)], allowed=1)
    intake = taken_in(coming)
    coming.wait_asked(2)
    first = intake.first()
    assert first is not None
    coming.allowed.release()
    coming.wait_asked(3)
    intake.pop(first)
    rest = drained(intake)
    assert [first.key, *(one.key for one in rest)] == [0, 1]


def test_a_group_is_read_to_its_end_and_no_further_than_enough(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [5] * 3), *chunk(2, [5] * 3), *chunk(3, [5])])
    intake = taken_in(coming, enough=4)
    coming.wait_asked(6)  # 3 wait after the first group, fewer than enough: the second is read as well
    order = drained(intake, coming)
    assert [one.group for one in order] == [1] * 3 + [2] * 3 + [3]
    assert coming.asked[3] == 3
    assert coming.asked[6] < 4  # the third group was asked for when too few waited, not before


def test_a_large_group_is_not_read_at_once(
    taken_in: Callable[..., Intake], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MOST_WAITING", 5)
    coming = Coming(chunk(1, range(1, 21)))
    assert len(drained(taken_in(coming), coming)) == 20
    assert max(coming.asked[:-1]) < 5  # the last one asked for comes after the group


def test_a_document_that_cannot_be_prepared_fails_alone(taken_in: Callable[..., Intake]) -> None:
    coming = Coming(chunk(7, [4, 0, 6]))
    intake = taken_in(coming)
    coming.wait_asked(4)
    (failed,) = intake.pop_failed()
    assert failed.failure is not None
    assert (failed.key, failed.group, failed.failure.code) == (701, 7, "empty_prompt")
    assert [one.key for one in drained(intake)] == [702, 700]


def test_an_intake_with_a_failed_document_is_not_exhausted(taken_in: Callable[..., Intake]) -> None:
    intake = taken_in([request(0, 0)])
    join_readers()
    assert not intake.exhausted
    assert [one.key for one in intake.pop_failed()] == [0]
    assert intake.exhausted


def test_prompts_beside_a_document_are_those_waiting_in_its_group(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [3, 5, 4]), *chunk(2, [8])])
    intake = taken_in(coming)
    coming.wait_asked(5)
    first = intake.first()
    assert first is not None
    assert sorted(len(prompt) for prompt in intake.prompts_beside(first)) == [3, 4]


def test_withdrawing_a_group_drops_its_unread_documents(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [5, 0, 5, 0, 5]), *chunk(2, [7, 8])], allowed=2)
    intake = taken_in(coming)
    coming.wait_asked(3)
    assert intake.holds(1)
    intake.withdraw(1)
    assert not intake.holds(1)
    coming.allowed.release(100)
    coming.wait_asked(8)
    assert intake.pop_failed() == []
    assert [one.key for one in drained(intake)] == [201, 200]


def test_withdrawing_the_rest_of_a_group_keeps_its_first_documents(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [5, 0, 7, 0, 5]), *chunk(2, [7, 8])], allowed=3)
    intake = taken_in(coming)
    coming.wait_asked(4)
    intake.withdraw(1, first=102)
    coming.allowed.release(100)
    coming.wait_asked(8)
    assert [failed.key for failed in intake.pop_failed()] == [101]
    assert [one.key for one in drained(intake)] == [100, 201, 200]


def test_a_withdrawal_makes_room_for_more(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [5] * 4), *chunk(2, [5])])
    intake = taken_in(coming, enough=2)
    coming.wait_asked(4)
    intake.withdraw(1)
    assert [one.group for one in drained(intake)] == [2]


def test_first_raises_what_the_requests_raised(
    taken_in: Callable[..., Intake],
) -> None:
    def requests() -> Iterator[Request]:
        yield request(0, 5)
        raise ConnectionError("the store is away")

    intake = Intake(requests(), prepare, enough=10)
    join_readers()
    assert not intake.exhausted
    with pytest.raises(ConnectionError, match="the store is away"):
        intake.first()


def test_a_closed_intake_stops_reading(taken_in: Callable[..., Intake]) -> None:
    coming = Coming(chunk(1, [5, 6, 7]), allowed=1)
    intake = taken_in(coming)
    coming.wait_asked(2)  # it blocks there
    intake.close()
    coming.allowed.release(10)
    join_readers()
    assert len(coming.asked) == 2


def test_a_thread_that_waits_for_room_ends_when_the_intake_is_closed(taken_in: Callable[..., Intake]) -> None:
    coming = Coming([*chunk(1, [5, 5]), *chunk(2, [5])])
    intake = taken_in(coming, enough=1)
    coming.wait_asked(2)
    intake.close()
    join_readers()
    assert len(coming.asked) == 2


def test_waiting_ends_when_all_requests_were_read(taken_in: Callable[..., Intake]) -> None:
    intake = taken_in([])
    intake.wait(LONG)
    assert intake.exhausted
    assert intake.first() is None


def test_waiting_for_requests_has_a_time_limit(taken_in: Callable[..., Intake]) -> None:
    intake = taken_in(Coming(chunk(1, [5]), allowed=0))
    intake.wait(0.01)
    assert intake.first() is None
    assert not intake.exhausted
