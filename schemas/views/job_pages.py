"""What the page of one job shows beside its status."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import Priority, PromptSpec
from qwenq.schemas.results import FinishReason, PastFailure
from qwenq.schemas.states import ChunkState, DocumentState


@dataclass(frozen=True, slots=True)
class CutText:
    """The beginning of a text, and the number of characters of the whole text."""

    text: str
    characters: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut off."""
        return len(self.text) >= self.characters


@dataclass(frozen=True, slots=True)
class JobDetails:
    """What a job asks for."""

    prompt: PromptSpec
    params: GenerationParams
    priority: Priority
    sources: tuple[str, ...]
    submitter: str | None
    idempotency_key: str | None
    reuse: bool


@dataclass(frozen=True, slots=True)
class FailedDocument:
    """A failed document; `source` names the file that `line` counts in.

    `custom_id` is None for a row that never became a document.
    """

    seq: int
    custom_id: str | None
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class FailureMessage:
    """One message of an error code, and the first documents with it."""

    message: CutText
    documents: tuple[FailedDocument, ...]


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """A job's documents that failed with one error code: their number, and some of their messages."""

    code: str
    documents: int
    messages: tuple[FailureMessage, ...]


@dataclass(frozen=True, slots=True)
class FailureReason:
    """Why some documents failed: their code, the message of the first, their number, and the first."""

    code: str
    message: str
    documents: int
    example: FailedDocument


@dataclass(frozen=True, slots=True)
class FailureReasons:
    """The commonest reasons, most frequent first; `others` counts documents that failed for another reason.

    `codes` are all error codes, most frequent first, each with its number of documents.
    """

    reasons: tuple[FailureReason, ...]
    others: int
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ChunkLine:
    """One chunk of a job, with its last worker. `lease_seconds` are left while it runs."""

    id: int
    first_seq: int
    last_seq: int
    state: ChunkState
    attempt: int
    crashes: int
    worker: str | None
    lease_seconds: float | None
    documents: int
    succeeded: int
    failed: int
    cancelled: int
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class ChunkPage:
    """Some chunks of a job in input order; the next page begins after the document `next_after`, None at the end."""

    chunks: tuple[ChunkLine, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class AnswerPreview:
    """The beginning of a document and of its answer; `content` is the stored row."""

    seq: int
    custom_id: str
    content: CutText
    answer: CutText
    finish_reason: FinishReason
    completion_tokens: int
    reused: bool


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """Some answers of a job in input order; the next page begins after the document `next_after`, None at the end."""

    previews: tuple[AnswerPreview, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class DocumentAnswer:
    """A complete answer and its cost; `reused_from` is the job that it was generated for, if not this one.

    `parts` counts the parts that its document was cut into.
    """

    text: str
    reasoning: str | None
    finish_reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    worker: str | None
    attempt: int
    answered_at: datetime
    reused_from: int | None
    parts: int


@dataclass(frozen=True, slots=True)
class DocumentDetails:
    """One document as stored, with its state and outcome. `content` is JSON, or the raw bad row."""

    seq: int
    custom_id: str | None
    source: str
    line: int
    state: DocumentState
    content: str
    error_code: str | None
    error_message: str | None
    earlier: tuple[PastFailure, ...]
    answer: DocumentAnswer | None
