"""Ages on the command line: `30d`, `12h`."""

import click
import pytest

from qwenq.cli.options.ages import Age


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("30d", 2_592_000), ("12h", 43_200), ("90min", 5_400), ("45s", 45), ("2w", 1_209_600), (" 1 d ", 86_400)],
)  # fmt: skip
def test_an_age_is_a_number_and_a_unit(said: str, seconds: float) -> None:
    assert Age().convert(said, None, None) == seconds


@pytest.mark.parametrize("said", ["", "30", "d", "-1d", "1.5d", "30 days", "1d2h", "٣d", "999999d"])
def test_anything_but_an_age_is_refused_with_an_example(said: str) -> None:
    with pytest.raises(click.BadParameter, match="say 30d, 12h or 90min"):
        Age().convert(said, None, None)
