"""A user's working folder with documents."""

from pathlib import Path

import pytest

from tests.processes import write_jsonl

QUESTION = "\n\nWhat is the total? Answer with the value only."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to type commands in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def documents(folder: Path) -> Path:
    """Four good documents and a bad row."""
    path = write_jsonl(
        folder / "docs.jsonl",
        [{"id": f"doc-{number}", "text": f"Total: {number}.50{QUESTION}"} for number in range(4)],
    )
    with path.open("a") as file:
        file.write("{not json\n")
    return path
