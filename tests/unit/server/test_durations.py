"""How long a client must wait, as OpenAI writes it."""

import pytest

from qwenq.server.bounds.headers import duration


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0ms"),
        (0.0195, "20ms"),
        (1, "1s"),
        (59.2, "1m0s"),
        (61, "1m1s"),
        (3_600, "1h0m0s"),
        (86_399, "23h59m59s"),
    ],
)
def test_a_duration_is_written_as_openai_does(seconds: float, written: str) -> None:
    assert duration(seconds) == written
