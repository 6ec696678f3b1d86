"""Names that are cut in the middle."""

import pytest

from qwenq.wording.shortening import middle_cut


@pytest.mark.parametrize(
    ("name", "most", "cut"),
    [
        ("Qwen/Qwen3-8B", 13, "Qwen/Qwen3-8B"),
        ("/work/models/of/mine/tiny-qwen3", 18, "/work…e/tiny-qwen3"),
        ("abcdef", 5, "a…def"),
    ],
)
def test_a_long_name_keeps_its_beginning_and_its_end(name: str, most: int, cut: str) -> None:
    assert middle_cut(name, most) == cut
    assert len(cut) <= most
