"""The generated pages are up to date."""

from pathlib import Path

import pytest

from docs import generate
from qwenq.schemas.settings import Settings


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.name)
def test_a_generated_page_is_up_to_date(path: Path) -> None:
    assert path.read_text("utf-8") == generate.pages()[path], "stale: run `make docs`"


def test_every_setting_has_a_description() -> None:
    assert all(field.description for field in Settings.model_fields.values())
