"""The pages that are written from the code are those that the code would write now."""

from pathlib import Path

import pytest

from docs import generate
from qwenq.schemas.settings import Settings


@pytest.mark.parametrize("path", generate.pages(), ids=lambda path: path.name)
def test_a_generated_page_is_fresh(path: Path) -> None:
    assert path.read_text("utf-8") == generate.pages()[path], "stale: `make docs` writes it anew"


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_command_has_its_section() -> None:
    text = generate.cli_page()
    for name in ("run", "up", "submit", "status", "results", "cancel", "worker", "db upgrade", "check"):
        assert f"\n## `qwenq {name}`\n" in text
