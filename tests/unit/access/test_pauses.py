"""Pauses after wrong passwords: they grow, are of one address, and take bounded memory."""

import logging

import pytest

from qwenq.access.pauses import FORGET_SECONDS, FREE_REFUSALS, MOST_ADDRESSES, MOST_SECONDS, Pauses


class _Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def pauses(clock: _Clock) -> Pauses:
    return Pauses(clock)


def test_five_wrong_passwords_are_free_and_later_ones_cost_growing_pauses(
    pauses: Pauses, clock: _Clock
) -> None:
    found = []
    for _ in range(FREE_REFUSALS + 8):
        found.append(pauses.seconds_left("192.0.2.1"))
        clock.now += found[-1]
        pauses.note_refusal("192.0.2.1")
    assert found == [0.0] * 5 + [1, 2, 4, 8, 16, 32, 60, 60]
    assert max(found) == MOST_SECONDS


def test_a_guesser_does_not_slow_down_another_address(pauses: Pauses) -> None:
    for _ in range(100):
        pauses.note_refusal("192.0.2.1")
    assert pauses.seconds_left("192.0.2.1") > 0
    assert pauses.seconds_left("192.0.2.2") == 0


def test_refusals_are_forgotten_after_a_while(pauses: Pauses, clock: _Clock) -> None:
    for _ in range(20):
        pauses.note_refusal("192.0.2.1")
    clock.now += FORGET_SECONDS + 1
    pauses.note_refusal("192.0.2.1")
    assert pauses.seconds_left("192.0.2.1") == 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "192.0.2.1", False),
    ],
)
def test_addresses_of_one_ipv6_network_count_as_one(pauses: Pauses, one: str, other: str, same: bool) -> None:
    for _ in range(FREE_REFUSALS):
        pauses.note_refusal(one)
    assert (pauses.seconds_left(other) > 0) is same


def test_the_table_of_addresses_is_bounded(pauses: Pauses) -> None:
    for number in range(MOST_ADDRESSES + 500):
        pauses.note_refusal(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(pauses._guessers) == MOST_ADDRESSES


def test_refusals_are_logged_at_most_once_a_second(
    pauses: Pauses, clock: _Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "qwenq.monitor"):
        for _ in range(50):
            pauses.note_refusal("192.0.2.1")
            clock.now += 0.1
    lines = [(record.getMessage(), vars(record)["refusals"]) for record in caplog.records]
    assert {message for message, _ in lines} == {"flower.refused"}
    assert 4 <= len(lines) <= 6
    assert sum(refusals for _, refusals in lines) >= 40
    assert vars(caplog.records[0])["address"] == "192.0.2.1"
