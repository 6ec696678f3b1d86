"""Compare answers with the expected ones: `python -m examples.check_answers documents.jsonl answers.jsonl`.

The documents have the columns `expected` and `field`, the field that the question asks for. Exits with 1 if fewer than
95 % of the answers are right.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENOUGH = 0.95
SHOWN_WRONG = 5


@dataclass(frozen=True)
class Question:
    """A document's question and its right answer."""

    custom_id: str
    field: str
    expected: str


@dataclass(frozen=True)
class Score:
    """The numbers of questions and right answers by field, and the wrong answers."""

    asked: Counter[str]
    right: Counter[str]
    wrong: tuple[tuple[Question, str | None], ...]

    @property
    def good_enough(self) -> bool:
        """Whether enough answers are right; False without any question."""
        return 0 < self.asked.total() * ENOUGH <= self.right.total()


def read_questions(path: Path) -> Iterator[Question]:
    """Read the documents with an expected answer. Without an id, a document is named by its line, as qwenq does."""
    for number, row in _rows(path):
        if "expected" in row:
            custom_id = str(row.get("id", number))
            yield Question(custom_id, str(row.get("field", "answer")), str(row["expected"]))


def read_answers(path: Path) -> dict[str, str]:
    """Read the answers by their documents' ids."""
    return {row["custom_id"]: row["text"] for _, row in _rows(path)}


def score(questions: Iterator[Question], answers: Mapping[str, str]) -> Score:
    """Count right answers. A missing answer is wrong; surrounding space is ignored."""
    asked, right = Counter[str](), Counter[str]()
    wrong: list[tuple[Question, str | None]] = []
    for question in questions:
        asked[question.field] += 1
        answer = answers.get(question.custom_id)
        if answer is not None and answer.strip() == question.expected:
            right[question.field] += 1
        else:
            wrong.append((question, answer))
    return Score(asked, right, tuple(wrong))


def show(found: Score) -> None:
    """Print the counts by field, some wrong answers, and the total."""
    print(f"{'field':12}{'right':>7}{'asked':>7}")
    for field in sorted(found.asked):
        print(f"{field:12}{found.right[field]:>7}{found.asked[field]:>7}")
    for question, answer in found.wrong[:SHOWN_WRONG]:
        said = "no answer" if answer is None else repr(answer)
        print(f"wrong: {question.custom_id}, {question.field}: expected {question.expected!r}, got {said}")
    print(f"{found.right.total()} of {found.asked.total()} answers are right")


def main() -> int:
    """Compare the two files and print the score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("answers", type=Path)
    given = parser.parse_args()
    found = score(read_questions(given.documents), read_answers(given.answers))
    show(found)
    return 0 if found.good_enough else 1


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, json.loads(line)


if __name__ == "__main__":
    sys.exit(main())
