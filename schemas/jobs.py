"""A job: what a person submits, and where it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.results import IncompleteCause, incomplete_answers
from qwenq.schemas.service.tenants import LOCAL
from qwenq.schemas.states import JobChange, JobState
from qwenq.schemas.workers import LoadProgress

STILL_SECONDS = 300.0
"""Workers report every few seconds what they measure, also while they generate one long answer."""


class Priority(StrEnum):
    """Which jobs go first when several wait."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class PromptSpec(BaseModel):
    """How a document becomes a prompt: an optional Jinja2 template and system message, and its columns.

    Without a template, the document's text column is the user message. `merge` is a Jinja2 template that merges the
    answers to a long document's parts. `named` names the template and its version, if it has a name. Of Parquet files,
    only `columns` are read (None: those that the prompt names).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    template: str | None = None
    system: str | None = None
    merge: str | None = None
    named: str | None = None
    text_column: str = "text"
    id_column: str = "id"
    columns: tuple[str, ...] | Literal["all"] | None = None


class JobSpec(BaseModel):
    """A job as it is submitted, without its documents.

    `submitter` is user@host. `notify` holds where notices of its end go. `idempotency_key` names the request, so that
    it is stored once. With `reuse`, answers of earlier identical documents are reused, and new answers are kept for
    later ones. With `mixed_weights`, workers with other weights of the model may go on with it.
    `tenant` is whose job it is; of a job that came over HTTP, `owner` says whose in the tenant. An `urgent` one goes
    before all others: somebody waits for its answer.
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
    mixed_weights: bool = False
    submitter: str | None = None
    notify: tuple[str, ...] = ()
    tenant: str = LOCAL
    owner: str | None = None
    urgent: bool = False

    def keeping(self, columns: object) -> "JobSpec":
        """The same job; if its results keep columns of the input, it reads all, unless it says which ones."""
        if columns is None or self.prompt.columns is not None:
            return self
        return self.model_copy(update={"prompt": self.prompt.model_copy(update={"columns": "all"})})


@dataclass(frozen=True, slots=True)
class HalfJob:
    """A job without all of its rows, held by one process that stores or removes them.

    `token` is the fence: a process with another token can neither add a row nor let the job run.
    """

    job_id: int
    token: str


@dataclass(frozen=True, slots=True)
class KeyedJob:
    """The job that has an idempotency key, and its request as it was submitted.

    `input_digest` is None until its last row is stored.
    `abandoned`: the lease of the process that stored it has expired.
    """

    job_id: int
    state: JobState
    abandoned: bool
    model: str
    prompt: PromptSpec
    params: GenerationParams
    input_digest: str | None


class JobOrder(StrEnum):
    """The order of a list of jobs. `finished` leaves out jobs that have not ended."""

    NEWEST = "newest"
    OLDEST = "oldest"
    FINISHED = "finished"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Selects jobs that match everything given. `name` is a substring of the name, case-insensitive."""

    state: JobState | None = None
    model: str | None = None
    name: str | None = None
    tenant: str | None = None

    def __bool__(self) -> bool:
        return any((self.state, self.model, self.name, self.tenant))


class DocumentCounts(BaseModel):
    """A job's documents by state. Within `succeeded`, `reused`, `cut` and `empty` count answers.

    A `cut` answer ended at its limit of tokens, an `empty` one has no text. Within `empty`, `reasoning_cut` counts
    those whose reasoning used up the limit, `reasoning_ended` those that the model ended with the reasoning.
    """

    model_config = ConfigDict(frozen=True)

    total: int = 0
    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    reused: int = 0
    cut: int = 0
    empty: int = 0
    reasoning_cut: int = 0
    reasoning_ended: int = 0

    @property
    def incomplete(self) -> Mapping[IncompleteCause, int]:
        """Answers that were cut or are empty, each counted once, by cause."""
        return incomplete_answers(self.cut, self.empty, self.reasoning_cut, self.reasoning_ended)

    @property
    def done(self) -> int:
        """Documents that were answered or failed, but not cancelled ones."""
        return self.succeeded + self.failed


class TokenUsage(BaseModel):
    """A job's tokens so far."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    prefix_tokens: int = 0


class LastChange(BaseModel):
    """What a person last did to a job. `by` is a visitor of Flower, or user@host: a claim that nothing checks."""

    model_config = ConfigDict(frozen=True)

    change: JobChange
    by: str
    at: datetime


class JobStatus(BaseModel):
    """Where a job stands. Times are UTC; `tokens_per_second` is answer tokens over the job's running time.

    `still_seconds`: while it can run, the seconds since it was stored or resumed, began, was measured or finished a
    chunk. `template` names its prompt template and version, `sampling` says how tokens are chosen. `loading` is how far
    a worker is with the model, while the job waits for it. `worker_failure` says why the newest worker of its model
    failed, while no other is alive.
    """

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
    tenant: str = LOCAL
    template: str | None = None
    sampling: str = "greedy"
    loading: LoadProgress | None = None
    worker_failure: str | None = None
    last_change: LastChange | None = None
    still_seconds: float | None = None

    @property
    def stands_still(self) -> bool:
        """Whether it has not moved for minutes, so that its speed tells nothing of what is left."""
        if self.loading is not None:
            return False
        return self.still_seconds is not None and self.still_seconds > STILL_SECONDS

    @computed_field  # type: ignore[prop-decorator]
    @property
    def percent(self) -> int:
        """How much is done, in whole percent; 100 only when all of it is."""
        return 100 * self.documents.done // self.documents.total if self.documents.total else 0

    @computed_field  # type: ignore[prop-decorator]
    @property
    def seconds_left(self) -> float | None:
        """Seconds for the rest at its average speed; None if that is unknown, or it stands still."""
        counts = self.documents
        if self.state != JobState.RUNNING or self.stands_still:
            return None
        if not self.tokens_per_second or not counts.succeeded:
            return None
        working_seconds = self.usage.completion_tokens / self.tokens_per_second
        return round((counts.pending + counts.running) * working_seconds / counts.succeeded, 1)
