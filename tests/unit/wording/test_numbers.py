"""How numbers, sizes, spans of time and counts are worded."""

from datetime import UTC, datetime, timedelta

import pytest

from qwenq.wording import numbers


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "-"), (3, "3"), (12_000, "12,000"), (0.5, "0.5"), (9.96, "10.0"), (12.4, "12"), (765.2, "765")],
)
def test_a_number_below_ten_has_one_decimal_if_it_is_a_float(value: float | None, words: str) -> None:
    assert numbers.number(value) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0 chunks"), (1, "1 chunk"), (1_200, "1,200 chunks")])
def test_a_count_agrees_with_its_noun(count: int, words: str) -> None:
    assert numbers.counted(count, "chunk") == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "-"), (-1, "0 s"), (59.4, "59 s"), (90, "1 min 30 s"), (3_600, "1 h"), (93_600, "1 d 2 h")],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, words: str) -> None:
    assert numbers.duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "-"), (0.0125, "12.5 ms"), (1, "1.0 s"), (1_234, "1,234.0 s")]
)
def test_a_measured_duration_is_in_milliseconds_below_a_second(seconds: float | None, words: str) -> None:
    assert numbers.precise_duration(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(-5, "0 s"), (59, "59 s"), (3_599, "59 min"), (90_000, "1 d")]
)
def test_an_age_has_one_unit(seconds: float, words: str) -> None:
    assert numbers.age(datetime.now(UTC) - timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("octets", "words"),
    [(None, "-"), (900, "900 B"), (2_048, "2.0 KiB"), (5 * 2**30, "5.0 GiB"), (2**41, "2.0 TiB")],
)
def test_a_size_is_in_the_unit_that_fits(octets: float | None, words: str) -> None:
    assert numbers.size(octets) == words
