"""A plan depends on its seed alone, and has each kind of fault."""

from itertools import pairwise

import pytest

from tests.chaos.plan import (
    LONG_TO_FIND,
    QUIET_SECONDS,
    WEIGHTS,
    WEIGHTS_OF_STORE,
    WORKERS,
    Trouble,
    draw_plan,
)
from tests.chaos.world.orders import DEADLY, FLAWED, STANDING, OrderBook

HALF_AN_HOUR = 1_800.0


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_same_seed_gives_the_same_plan_and_another_seed_another(database: str) -> None:
    assert draw_plan(1, database, 60, 16) == draw_plan(1, database, 60, 16)
    assert draw_plan(1, database, 60, 16) != draw_plan(2, database, 60, 16)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_long_plan_has_each_kind_of_fault_that_its_database_can_have(database: str) -> None:
    plan = draw_plan(1, database, HALF_AN_HOUR / 2, 16)
    assert {fault.trouble for fault in plan} == {*WEIGHTS, *WEIGHTS_OF_STORE[database]}
    assert {fault.worker for fault in plan} == set(range(WORKERS))
    assert len(plan) == 240


def test_a_plan_can_be_without_some_kinds() -> None:
    plan = draw_plan(1, "sqlite", HALF_AN_HOUR, 16, without=LONG_TO_FIND)
    assert {fault.trouble for fault in plan} == {*WEIGHTS, *WEIGHTS_OF_STORE["sqlite"]} - LONG_TO_FIND


def test_each_kind_of_fault_is_in_the_plan_of_some_database() -> None:
    assert {kind for weights in (WEIGHTS, *WEIGHTS_OF_STORE.values()) for kind in weights} == set(Trouble)


def test_faults_come_in_order_after_a_quiet_beginning_and_overlap() -> None:
    plan = draw_plan(3, "postgresql", 300, 16)
    moments = [fault.at for fault in plan]
    assert moments == sorted(moments)
    assert moments[0] >= QUIET_SECONDS
    assert any(later.at < fault.at + fault.seconds for fault, later in pairwise(plan))


def test_orders_are_the_same_for_the_same_seed_and_name_the_document_that_kills() -> None:
    book, again = OrderBook(1, 100), OrderBook(1, 100)
    order, deadly, hanging, wide = book.next(), book.deadly(), book.hanging(), book.wide()
    assert (order, deadly, hanging, wide) == (again.next(), again.deadly(), again.hanging(), again.wide())
    for one in (deadly, hanging):
        assert [place for place, text in enumerate(one.texts) if DEADLY in text] == [one.deadly]
    assert not any(DEADLY in text for text in order.texts)
    assert any(FLAWED in text for text in order.texts)
    assert sum(map(len, wide.lines())) > 2 * 8 * 1024 * 1024


def test_some_orders_ask_for_reuse_and_share_documents_with_earlier_ones() -> None:
    book = OrderBook(1, 100)
    orders = [book.next() for _ in range(6)]
    first, second = [order for order in orders if order.reuse]
    shared = {*first.texts} & {*second.texts}
    assert len(shared) > 10
    assert all(STANDING in text for text in shared)
    assert not any(STANDING in text for order in orders if not order.reuse for text in order.texts)
