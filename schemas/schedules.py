"""Schedules: what is submitted when; their runs and notices."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.results import OutputFormat
from qwenq.schemas.states import NoticeState, RunState, ScheduleState
from qwenq.schemas.table_options import FOUND_OUT, TableOptions


class CatchUp(StrEnum):
    """What happens to due times that passed while no beat was running."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What happens to a run that is due while an earlier run of its schedule is unfinished."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"


class ScheduledRequest(BaseModel):
    """What each run submits. `inputs` are names, patterns, folders and URLs, which each run looks up anew."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...]
    format: str | None = None
    sheet: str | None = None
    follow_links: bool = False
    tables: TableOptions = FOUND_OUT
    allow_partial: bool = False
    spec: JobSpec


class RunPolicy(BaseModel):
    """How runs follow each other, and where their answers go.

    `output` may contain {schedule}, {date}, {time}, {run} and {job}. A run fails if more than the fraction
    `on_failure_rate` of its documents failed. `csv_safe`, `bom`, `keep_columns` and
    `output_format` are as in `qwenq.exporting.FileStyle`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    catch_up: CatchUp = CatchUp.LAST
    overlap: Overlap = Overlap.SKIP
    output: str
    errors: str | None = None
    csv_safe: bool = False
    bom: bool = False
    keep_columns: Literal["all"] | tuple[str, ...] | None = None
    output_format: OutputFormat | None = None
    webhook: str | None = None
    on_failure_rate: Annotated[float | None, Field(ge=0, le=1)] = None


class Schedule(BaseModel):
    """A stored schedule. Times are UTC; `next_due_at` is the first due time without a run."""

    model_config = ConfigDict(frozen=True)

    id: int
    name: str
    state: ScheduleState
    cron: str
    timezone: str
    request: ScheduledRequest
    policy: RunPolicy
    submitter: str | None
    created_at: datetime
    next_due_at: datetime


class ScheduleRun(BaseModel):
    """A run of a schedule. The counts are those of its ended job; None before.

    `notes` says what was found out about its inputs, a line each; None before they are read.
    `crashes` counts the processes that died while they read its inputs or, later, while they wrote its answers.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    schedule_id: int
    due_at: datetime
    state: RunState
    job_id: int | None
    started_at: datetime | None
    finished_at: datetime | None
    documents: int | None
    failed: int | None
    reused: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    device_seconds: float | None
    output: str | None
    notes: str | None = None
    error_code: str | None
    error_message: str | None
    crashes: int

    @property
    def mark(self) -> str:
        """A unique name of the run, even if an earlier run, removed with its schedule, had the same id."""
        return f"{self.id}_{self.started_at or self.due_at:%Y%m%dT%H%M%S.%fZ}"

    @property
    def notice_key(self) -> str:
        """The key of the run's notice, the same at every attempt to send it."""
        return f"run_{self.mark}"


class ScheduleReport(BaseModel):
    """A schedule with its newest runs, newest first. `waits` says what a running run waits for, if anything."""

    model_config = ConfigDict(frozen=True)

    schedule: Schedule
    runs: tuple[ScheduleRun, ...]
    notices: tuple["NoticeStatus", ...] = ()
    waits: str | None = None


class NoticeStatus(BaseModel):
    """The state of a notice. `error` is why the last attempt failed."""

    model_config = ConfigDict(frozen=True)

    key: str
    url: str
    state: NoticeState
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to send now; `attempt` counts from 1."""

    id: int
    key: str
    url: str
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run for a due time. `skipped` is the reason why it is only noted and does not run; None if it runs."""

    due_at: datetime
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run that this process holds, under the fence `holder`."""

    run: ScheduleRun
    schedule: Schedule
    holder: str


class RunOutcome(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(frozen=True)

    state: RunState
    documents: int | None = None
    failed: int | None = None
    reused: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    device_seconds: float | None = None
    output: str | None = None
    error_code: str | None = None
    error_message: str | None = None
