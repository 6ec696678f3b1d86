"""A job: what a person submits, and what is told of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.states import JobState


class Priority(StrEnum):
    """Which jobs go first when documents of several wait."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class PromptSpec(BaseModel):
    """How a document becomes a prompt: an optional Jinja2 template and system message, and the columns.

    Without a template, the document's text column is the user message. `merge` is the Jinja2 template over the answers
    to a long document's parts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str | None = None
    system: str | None = None
    merge: str | None = None
    text_column: str = "text"
    id_column: str = "id"


class JobSpec(BaseModel):
    """What is submitted, beside the documents themselves.

    `submitter` is user@host. `idempotency_key` names the request, so that it is stored once. With `reuse`, documents
    are answered from earlier identical ones, and their answers kept for later ones.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(min_length=1)]
    name: str = ""
    prompt: PromptSpec = PromptSpec()
    params: GenerationParams = GenerationParams()
    priority: Priority = Priority.NORMAL
    sources: tuple[str, ...] = ()
    idempotency_key: str | None = None
    reuse: bool = False
    submitter: str | None = None


@dataclass(frozen=True, slots=True)
class HalfJob:
    """A job of which not all rows are there, in the hands of one process that stores or removes them.

    `token` is the fence: who holds another one may neither add a row nor let the job run.
    """

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class KeyedJob:
    """The job that a key names already, and what was asked for. `input_digest` is None until its last row is stored.

    `abandoned`: who stored it gave no sign of life for too long.
    """

    job_id: int
    state: JobState
    abandoned: bool
    model: str
    prompt: PromptSpec
    params: GenerationParams
    input_digest: str | None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs are asked for: those that fit all that is given. `name` is a part of the name, in any case."""

    state: JobState | None = None
    model: str | None = None
    name: str | None = None

    def __bool__(self) -> bool:
        return any((self.state, self.model, self.name))


class DocumentCounts(BaseModel):
    """A job's documents by state; `reused` counts within `succeeded`."""

    model_config = ConfigDict(frozen=True)

    total: int = 0
    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    reused: int = 0

    @property
    def done(self) -> int:
        """Documents that were answered, or failed; what was cancelled is not done."""
        return self.succeeded + self.failed


class TokenUsage(BaseModel):
    """A job's tokens so far."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prefix_tokens: int = 0


class JobStatus(BaseModel):
    """Where a job stands. Times are UTC; `tokens_per_second` are answer tokens over the job's running time."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: JobState
    model: str
    documents: DocumentCounts
    usage: TokenUsage
    submitter: str | None
    tokens_per_second: float | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
