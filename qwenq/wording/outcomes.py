"""How failures, cut answers and empty answers of a job are worded."""

from collections.abc import Iterator

from qwenq.schemas.jobs import DocumentCounts
from qwenq.schemas.results import IncompleteCause
from qwenq.schemas.views.job_pages import FailedDocument, FailureReason, FailureReasons
from qwenq.wording.numbers import counted, number
from qwenq.wording.output import say

SHOWN_REASONS = 5
SHOWN_CHARACTERS = 240


_SHORTLY = {
    IncompleteCause.CUT: "cut at the limit of tokens",
    IncompleteCause.REASONING_CUT: "empty since the reasoning was cut",
    IncompleteCause.REASONING_ENDED: "empty since the model ended with its reasoning",
    IncompleteCause.NO_TEXT: "without text",
}


def incomplete_in_words(counts: DocumentCounts) -> str | None:
    """How many answers were cut or are empty, and why; None if all are whole."""
    found = [
        f"{number(answers)} {_SHORTLY[cause]}" for cause, answers in counts.incomplete.items() if answers
    ]
    return f"of the answers, {', '.join(found)}" if found else None


def answers_to_look_at(counts: DocumentCounts) -> Iterator[str]:
    """A sentence on answers that were cut, and one on each kind of empty answers, with its remedy."""
    found = counts.incomplete
    if cut := found[IncompleteCause.CUT]:
        yield (
            f"{counted(cut, 'answer')} {'was' if cut == 1 else 'were'} cut at the limit of tokens; "
            "a higher --max-new-tokens leaves room for the whole answer"
        )
    if reasoning_cut := found[IncompleteCause.REASONING_CUT]:
        yield (
            f"{_empty(reasoning_cut)}: the reasoning was cut at the limit of tokens; "
            "raise --max-new-tokens, or set a --thinking-budget well below it"
        )
    if reasoning_ended := found[IncompleteCause.REASONING_ENDED]:
        yield (
            f"{_empty(reasoning_ended)}: the model ended with its reasoning; "
            "try --sampling card or another --seed, or --no-thinking"
        )
    if no_text := found[IncompleteCause.NO_TEXT]:
        yield f"{_empty(no_text)}: the model gave no text; look at the document and the prompt"
    if counts.empty:
        yield (
            "with --require-answer, such documents fail and are listed with the errors; "
            "`qwenq retry JOB --code no_answer --max-new-tokens N` answers those of a submitted job again"
        )


def _empty(answers: int) -> str:
    return f"{counted(answers, 'answer')} {'is' if answers == 1 else 'are'} empty"


def say_outcomes(counts: DocumentCounts, reasons: FailureReasons, all_of_them: str) -> None:
    """Say on stderr what a person should know of an ended job; `all_of_them` says where all failures are."""
    for sentence in answers_to_look_at(counts):
        say(sentence)
    if counts.failed:
        say(f"{counted(counts.failed, 'document')} without an answer; {all_of_them}")
        for line in reasons_in_lines(reasons):
            say(f"  {line}")


def codes_in_words(reasons: FailureReasons) -> str:
    """The error codes with their numbers of documents: `too_long 10, invalid_row 2`."""
    return ", ".join(f"{code} {number(documents)}" for code, documents in reasons.codes.items())


def reasons_in_lines(reasons: FailureReasons) -> Iterator[str]:
    """A line for each reason: how many documents, why, and the first of them."""
    for reason in reasons.reasons:
        yield _reason(reason)
    if reasons.others:
        yield f"{number(reasons.others)}: other reasons"


def _reason(reason: FailureReason) -> str:
    message = " ".join(reason.message.split())
    cut = message if len(message) <= SHOWN_CHARACTERS else message[:SHOWN_CHARACTERS] + "…"
    example = _example(reason.example)
    where = f"first {example}" if reason.documents > 1 else example
    return f"{number(reason.documents)}: {reason.code}: {cut} ({where})"


def _example(document: FailedDocument) -> str:
    place = f"{document.source}, line {number(document.line)}"
    return place if document.custom_id is None else f"{document.custom_id!r}, {place}"
