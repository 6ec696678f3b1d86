"""One document of a job, as `qwenq show` shows it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from qwenq.schemas.parts import PartLine
from qwenq.schemas.results import Failure, FinishReason, PastFailure, Usage
from qwenq.schemas.states import DocumentState


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShownMessage(_Frozen):
    """A chat message."""

    role: str
    content: str


class ShownPrompt(_Frozen):
    """What the model is asked. `text` is by its chat template; None if that is not on this machine."""

    messages: tuple[ShownMessage, ...] = ()
    text: str | None = None
    failure: Failure | None = None


class ShownAnswer(_Frozen):
    """An answer and what it took; `reused_from` is the job that it was generated for, if not this one."""

    text: str
    reasoning: str | None
    finish_reason: FinishReason
    usage: Usage
    seconds: float | None
    worker: str | None
    attempt: int
    answered_at: datetime
    reused_from: int | None


class StoredDocument(_Frozen):
    """One document as stored. `attempts` counts the claims of its chunk, `earlier` holds failures that were retried.

    `repeats` are the lines of rows that repeat its id, which are bad. `part_answers` are those of a long document.
    """

    job_id: int
    seq: int
    custom_id: str | None
    source: str
    line: int
    state: DocumentState
    model: str
    attempts: int
    crashes: int
    answer: ShownAnswer | None
    error: Failure | None
    earlier: tuple[PastFailure, ...]
    repeats: tuple[str, ...]
    parts: int
    part_answers: tuple[PartLine, ...]


class ShownDocument(StoredDocument):
    """A document with its prompt; `part_prompts` are those of the parts of a long document, in order."""

    prompt: ShownPrompt
    part_prompts: tuple[ShownPrompt, ...] = ()
    notes: tuple[str, ...] = ()
