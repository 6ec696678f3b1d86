"""What a search for documents of a job looks for, and what it finds."""

from dataclasses import dataclass
from enum import StrEnum

from qwenq.schemas.results import EmptyCause, FinishReason
from qwenq.schemas.states import DocumentState
from qwenq.schemas.views.job_pages import CutText


class AnswerKind(StrEnum):
    """Answers that a person may want to look at. Chunks count each kind under its name."""

    CUT = "cut"
    EMPTY = "empty"
    REASONING_CUT = "reasoning_cut"
    REASONING_ENDED = "reasoning_ended"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class DocumentFilter:
    """Selects documents that match everything given.

    `id` is an id, or a part of ids if no document has it. `text` and `answer` are parts of the document's values and of
    its answer, in any case. `code` is an error code.
    """

    id: str | None = None
    text: str | None = None
    answer: str | None = None
    code: str | None = None
    state: DocumentState | None = None
    kind: AnswerKind | None = None

    def __bool__(self) -> bool:
        return any((self.id, self.text, self.answer, self.code, self.state, self.kind))


@dataclass(frozen=True, slots=True)
class FoundDocument:
    """The beginnings of a document, and of its answer or of the message of its failure. `content` is the stored row."""

    seq: int
    custom_id: str | None
    source: str
    line: int
    state: DocumentState
    content: CutText
    answer: CutText | None
    finish_reason: FinishReason | None
    empty_cause: EmptyCause | None
    completion_tokens: int | None
    reused: bool
    error_code: str | None
    error_message: CutText | None


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Some documents in input order. The search goes on after the document `next_after`; None at the end.

    `stopped` says that the time was up before the page was full: documents after `next_after` were not looked at.
    """

    documents: tuple[FoundDocument, ...]
    next_after: int | None
    stopped: bool = False
