"""How found documents are worded: a table, or JSON."""

from collections.abc import Sequence
from dataclasses import asdict

from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.log.visible import visible_line
from qwenq.schemas.results import EmptyCause, FinishReason
from qwenq.schemas.views.found_documents import FoundDocument
from qwenq.schemas.views.job_pages import CutText
from qwenq.wording.document_text import shortened
from qwenq.wording.numbers import UNKNOWN
from qwenq.wording.output import print_plain_json, show
from qwenq.wording.shortening import middle_cut

_ID_CHARACTERS = 40
_TEXT_CHARACTERS = 48
_EMPTY = {
    EmptyCause.REASONING_CUT: "reasoning cut",
    EmptyCause.REASONING_ENDED: "ended in its reasoning",
    EmptyCause.NO_TEXT: "empty",
}
_HEADINGS = ("id", "state", "document", "answer or failure")


def show_found(documents: Sequence[FoundDocument], prompt: PromptSpec) -> None:
    """Print documents on stdout, a line each."""
    rows = [_HEADINGS, *(_cells(document, prompt) for document in documents)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for place, row in enumerate(rows):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        show(line.rstrip(), bold=place == 0)


def print_found(documents: Sequence[FoundDocument]) -> None:
    """Print documents as a JSON array; texts are cut, and say how many characters there are."""
    print_plain_json([asdict(document) for document in documents])


def state_in_words(document: FoundDocument) -> str:
    """A document's state, with its error code, or what is remarkable about its answer."""
    words: list[str] = [document.state]
    if document.error_code is not None:
        words.append(document.error_code)
    if document.empty_cause is not None:
        words.append(_EMPTY[document.empty_cause])
    elif document.finish_reason == FinishReason.LENGTH:
        words.append("cut")
    if document.reused:
        words.append("reused")
    return ", ".join(words)


def _cells(document: FoundDocument, prompt: PromptSpec) -> tuple[str, ...]:
    name = document.custom_id
    if name is None:
        name = f"{document.source}:{document.line}"
    return (
        middle_cut(visible_line(name), _ID_CHARACTERS),
        state_in_words(document),
        _beginning(shortened(document.content, prompt)),
        _beginning(document.answer or document.error_message),
    )


def _beginning(text: CutText | None) -> str:
    if text is None:
        return UNKNOWN
    words = visible_line(" ".join(text.text.split()))
    return words if len(words) <= _TEXT_CHARACTERS else words[: _TEXT_CHARACTERS - 1] + "…"
