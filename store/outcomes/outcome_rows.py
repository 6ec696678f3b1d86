"""Outcomes as rows: plain tuples pass between processes at a tenth of the cost of objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from qwenq.schemas.outcomes import Outcome
from qwenq.schemas.tables.columns import escaped_answer

AnswerRow = tuple[
    int, str, str | None, str, int, int, int, int, bytes | None, int | None, float | None, int
]  # fmt: skip
"""The values of ANSWER_COLUMNS."""
ANSWER_COLUMNS = (
    "seq", "text", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens", "reasoning_tokens",
    "prefix_tokens", "fingerprint", "reused_from", "seconds", "parts",
)  # fmt: skip


class FailureRow(NamedTuple):
    """A document that failed: its seq, a short code for programs, a message for people."""

    seq: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Some documents' outcomes, as the store keeps them."""

    answers: Sequence[AnswerRow]
    failures: Sequence[FailureRow]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome]) -> Self:
        """What is kept of these; of a document's answers, the first."""
        answers: dict[int, AnswerRow] = {}
        failures = []
        for outcome in outcomes:
            if outcome.failure is not None:
                failed = FailureRow(outcome.seq, outcome.failure.code, _shown(outcome.failure.message))
                failures.append(failed)
            elif outcome.seq not in answers:
                answers[outcome.seq] = _answer_row(outcome)
        return cls(list(answers.values()), failures)

    def __len__(self) -> int:
        """How many outcomes these are."""
        return len(self.answers) + len(self.failures)


def _shown(message: str) -> str:
    """A message with its NUL characters and lone surrogates spelled out: PostgreSQL keeps neither."""
    if message.isascii() and "\0" not in message:
        return message
    return message.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _answer_row(answer: Outcome) -> AnswerRow:
    usage = answer.usage
    return (
        answer.seq,
        escaped_answer(answer.text),
        None if answer.reasoning is None else escaped_answer(answer.reasoning),
        answer.finish_reason.value,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.reasoning_tokens,
        usage.prefix_tokens,
        answer.fingerprint,
        answer.reused_from,
        answer.seconds if answer.reused_from is None else None,
        answer.parts,
    )
