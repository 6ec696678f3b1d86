"""The tiny model that comes with qwenq: questions, and its answers when nothing troubles it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.processes import TINY_MODEL, qwenq, read_jsonl

ROOT = Path(__file__).parents[3]
INVOICES = ROOT / "examples" / "invoices.jsonl"
NEW_TOKENS = 24


@dataclass(frozen=True, slots=True)
class Question:
    """A document for a model, and its answer."""

    text: str
    answer: str
    model: str = str(TINY_MODEL)


def untroubled_questions(folder: Path) -> Sequence[Question]:
    """Ask all questions about the example invoices with one `qwenq run` in `folder`."""
    folder.mkdir()
    out = folder / "answers.jsonl"
    given = ("--model", TINY_MODEL, "--max-new-tokens", str(NEW_TOKENS), "-o", out)
    run = qwenq("run", INVOICES, *given, cwd=folder)
    assert run.returncode == 0, run.stderr
    answers = {row["custom_id"]: str(row["text"]) for row in read_jsonl(out)}
    return [Question(str(row["text"]), answers[row["id"]]) for row in read_jsonl(INVOICES)]
