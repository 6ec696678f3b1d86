"""ARCHITECTURE.md is short, and names folders, functions and states that exist."""

import ast
import os
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from qwenq.schemas.states import ChunkState, DocumentState, JobState, RunState, WorkerState

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
GLOSSARY = (ROOT / "docs" / "internals" / "glossary.md").read_text("utf-8")
ROOMS = ("qwenq", "producer", "worker", "store", "schemas", "migrations")
MOST_WORDS = 1_500
FOLDERS = re.findall(r"^\| `([\w/]+)/` \| (?:[^|]+) \| (?:`([\w.]+):(\w+)`)? ?\|$", TEXT, re.MULTILINE)


def product_folders() -> Iterator[Path]:
    for room in ROOMS:
        for folder, _, names in os.walk(ROOT / room):
            if any(name.endswith(".py") for name in names) and Path(folder).name != "versions":
                yield Path(folder)


def defined_in(path: Path) -> set[str]:
    """The functions, classes and variables at the top of a module."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


def test_the_page_has_at_most_1500_words() -> None:
    assert len(TEXT.split()) <= MOST_WORDS


def test_the_table_lists_every_folder_of_the_product() -> None:
    listed = {folder for folder, _, _ in FOLDERS}
    assert listed == {folder.relative_to(ROOT).as_posix() for folder in product_folders()}


@pytest.mark.parametrize(("folder", "file", "name"), FOLDERS, ids=[folder for folder, _, _ in FOLDERS])
def test_the_main_function_of_a_folder_exists(folder: str, file: str, name: str) -> None:
    if file:
        assert name in defined_in(ROOT / folder / file)
    else:
        assert [path.name for path in (ROOT / folder).glob("*.py")] == ["__init__.py"], "name a function"


@pytest.mark.parametrize("states", [JobState, DocumentState, ChunkState, WorkerState, RunState])
def test_the_diagrams_show_every_state(states: type[StrEnum]) -> None:
    drawn = TEXT.partition("\n## States\n")[2].partition("\n## ")[0]
    assert [state for state in states if not re.search(rf"\b{state}\b", drawn)] == []


def test_the_glossary_names_classes_that_exist() -> None:
    defined = {
        name for folder in product_folders() for path in folder.glob("*.py") for name in defined_in(path)
    }
    named = set(re.findall(r"`([A-Z]\w+)`", GLOSSARY))
    assert named
    assert named - defined == set()
