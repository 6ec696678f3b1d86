"""What the pages tell people to type exists; what they link to is there."""

import re
from pathlib import Path

import pytest

from qwenq.schemas.settings import ENV_PREFIX, Settings
from tests.unit.docs.command_lines import check_named, fenced_commands, inline_commands, read_command

ROOT = Path(__file__).parents[3]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "deploy").glob("*.md")),
]
_LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)")
_VARIABLE = re.compile(rf"\b{ENV_PREFIX}[A-Z_]*[A-Z]\b")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pages
def test_every_command_line_can_be_typed_as_it_stands(page: Path) -> None:
    for words in fenced_commands(page.read_text("utf-8")):
        read_command(words)


@pages
def test_every_command_that_the_text_names_exists(page: Path) -> None:
    for words in inline_commands(page.read_text("utf-8")):
        check_named(words)


@pages
def test_every_link_leads_to_a_file(page: Path) -> None:
    for target, _ in _LINK.findall(page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pages
def test_every_variable_is_a_setting(page: Path) -> None:
    if page.name == "cli.md":
        return  # It names the twins of options too.
    settings = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    assert set(_VARIABLE.findall(page.read_text("utf-8"))) <= settings
