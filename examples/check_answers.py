"""Compare answers with what was expected: `python -m examples.check_answers documents.jsonl answers.jsonl`.

The documents have a column `expected`, and `field`, which says what was asked. Exit code 1 when fewer than
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
    """What was asked of one document, and what a right answer says."""

    custom_id: str
    field: str
    expected: str


@dataclass(frozen=True)
class Score:
    """How many answers were asked for and how many are right, by field; the wrong ones with what was said."""

    asked: Counter[str]
    right: Counter[str]
    wrong: tuple[tuple[Question, str | None], ...]

    @property
    def good_enough(self) -> bool:
        """Whether enough of all answers are right; none asked is not enough."""
        return 0 < self.asked.total() * ENOUGH <= self.right.total()


def read_questions(path: Path) -> Iterator[Question]:
    """The documents that say what is expected; one without an id goes by its line, as qwenq names it."""
    for number, row in _rows(path):
        if "expected" in row:
            custom_id = str(row.get("id", number))
            yield Question(custom_id, str(row.get("field", "answer")), str(row["expected"]))


def read_answers(path: Path) -> dict[str, str]:
    """The answers by the ids of their documents."""
    return {row["custom_id"]: row["text"] for _, row in _rows(path)}


def score(questions: Iterator[Question], answers: Mapping[str, str]) -> Score:
    """Compare. A document without an answer counts as wrong; space around an answer does not matter."""
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
    """Print the table of the fields, some wrong answers, and the sum."""
    print(f"{'field':12}{'right':>7}{'asked':>7}")
    for field in sorted(found.asked):
        print(f"{field:12}{found.right[field]:>7}{found.asked[field]:>7}")
    for question, answer in found.wrong[:SHOWN_WRONG]:
        said = "no answer" if answer is None else repr(answer)
        print(f"wrong: {question.custom_id}, {question.field}: expected {question.expected!r}, got {said}")
    print(f"{found.right.total()} of {found.asked.total()} answers are right")


def main() -> int:
    """Compare the two files and say how they agree."""
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
