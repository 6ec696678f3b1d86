"""What an engine has read is answered, or withdrawn, or missed at the end."""

from dataclasses import replace

import pytest

from schemas.errors import RequestsForgotten
from schemas.requests import Completion, Request
from schemas.results import FinishReason, Usage
from tests.unit.worker.engine.asking import ask
from worker.ledger import Ledger


def requests(group: int, *keys: int) -> list[Request]:
    return [ask("text", key, group=group) for key in keys]


def answered(ledger: Ledger, request: Request) -> None:
    ledger.strike(Completion(request.key, "", FinishReason.STOP, Usage(), group=request.group))


def test_nothing_is_missed_when_each_request_is_answered() -> None:
    ledger = Ledger()
    for request in ledger.noting(requests(1, 7, 8) + requests(2, 7)):
        answered(ledger, request)
    ledger.check()


def test_what_was_not_answered_is_told_by_its_chunks() -> None:
    ledger = Ledger()
    first, *_ = list(ledger.noting(requests(1, 7) + requests(3, 7, 8) + requests(2, 7)))
    answered(ledger, first)
    with pytest.raises(RequestsForgotten, match="3 of its requests, of chunks 2, 3"):
        ledger.check()


def test_an_answer_to_a_request_of_another_group_is_none() -> None:
    ledger = Ledger()
    (request,) = list(ledger.noting(requests(1, 7)))
    answered(ledger, replace(request, group=2))
    with pytest.raises(RequestsForgotten):
        ledger.check()


def test_a_withdrawn_group_is_not_missed_nor_what_is_read_of_it_later() -> None:
    ledger = Ledger()
    reading = ledger.noting(requests(1, 7, 8))
    next(reading)
    ledger.keep_only(1, ())
    assert len(list(reading)) == 1
    ledger.check()


def test_what_had_begun_of_a_group_is_missed_still() -> None:
    ledger = Ledger()
    first, *_ = list(ledger.noting(requests(1, 7, 8, 9)))
    ledger.keep_only(1, {7})
    with pytest.raises(RequestsForgotten, match="1 of its requests"):
        ledger.check()
    answered(ledger, first)
    ledger.check()
