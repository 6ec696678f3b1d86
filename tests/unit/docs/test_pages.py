"""The pages give commands that qwenq reads, and name files and settings that exist."""

import re
from pathlib import Path

import click
import pytest

from qwenq.cli.group import group
from qwenq.schemas.settings import ENV_PREFIX, Settings
from tests.unit.docs.command_lines import check_named, fenced_commands, inline_commands, read_command

ROOT = Path(__file__).parents[3]
FOLDERS = ("docs", "deploy", "examples", "worker")
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(page for name in FOLDERS for page in sorted((ROOT / name).rglob("*.md"))),
]
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_PATH = re.compile(
    r"`((?:producer|worker|store|schemas|migrations|qwenq|tests|docs|benchmarks|deploy)/[\w./]*)`"
)
_VARIABLE = re.compile(rf"\b{ENV_PREFIX}[A-Z_]*[A-Z]\b")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pages
def test_qwenq_reads_every_command_line_of_the_page(page: Path) -> None:
    for words in fenced_commands(page.read_text("utf-8")):
        read_command(words)


@pages
def test_every_command_in_the_text_exists(page: Path) -> None:
    for words in inline_commands(page.read_text("utf-8")):
        check_named(words)


@pages
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target, heading in _LINK.findall(page.read_text("utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not heading or heading in anchors(file), f"{target}#{heading}"


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = _HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pages
def test_every_file_and_folder_in_the_text_exists(page: Path) -> None:
    assert [path for path in _PATH.findall(page.read_text("utf-8")) if not (ROOT / path).exists()] == []


@pages
def test_every_variable_is_a_setting(page: Path) -> None:
    if page.name == "cli.md":
        return  # It also lists the environment twins of options.
    settings = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
    assert set(_VARIABLE.findall(page.read_text("utf-8"))) <= settings


def test_the_index_lists_every_page_of_internals_once() -> None:
    folder = ROOT / "docs" / "internals"
    listed = [target for target, _ in _LINK.findall((folder / "README.md").read_text("utf-8"))]
    for page in folder.glob("*.md"):
        assert page.name == "README.md" or listed.count(page.name) == 1 + (page.name == "glossary.md"), (
            page.name
        )


def test_every_page_is_reached_by_links_from_the_readme() -> None:
    found: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in found or page.suffix != ".md":
            continue
        found.add(page)
        waiting += [page.parent / target for target, _ in _LINK.findall(page.read_text("utf-8")) if target]
    assert set(PAGES) - found == set()


def test_the_readme_lists_every_command() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in group.list_commands(click.Context(group)) if f"`qwenq {name}" not in text] == []
