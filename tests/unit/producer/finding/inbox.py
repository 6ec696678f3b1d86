"""An inbox of files, some in subfolders, some hidden, and what reading gives of it."""

from pathlib import Path

from qwenq.producer.reading import Rows, read_rows
from qwenq.schemas.documents import BadRow, Document
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec

FILES = {
    "b.csv": "text\nb\n",
    "a.csv": "text\na\n",
    "deep/c.jsonl": '{"text":"c"}\n',
    "deep/er/d.txt": "d",
    "e.md": "e",
    ".hidden.csv": "text\nhidden\n",
    ".git/f.csv": "text\nhidden\n",
    "~$lock.docx": "hidden",
    "Thumbs.db": "hidden",
}
WHOLE = ["a.csv:2", "b.csv:2", "deep/c.jsonl:1", "deep/er/d.txt", "e.md"]
"""The ids that the inbox gives."""


def fill(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def rows_of(*names: str | Path) -> Rows:
    return read_rows([str(name) for name in names], None, PromptSpec(), GenerationParams())


def ids(*names: str | Path) -> list[str]:
    return [row.custom_id for row in rows_of(*names) if isinstance(row, Document)]


def bad_rows(name: str | Path) -> dict[str, str]:
    """The bad rows of a folder by the path below it, each with its reason."""
    bad = [row for row in rows_of(name) if isinstance(row, BadRow)]
    below = [row.raw.removeprefix(str(name).rstrip("*").removeprefix("file://")).lstrip("/") for row in bad]
    return dict(zip(below, (row.reason.rpartition(": ")[2] for row in bad), strict=True))
