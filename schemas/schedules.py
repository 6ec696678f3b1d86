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
    `on_failure_rate` of its documents failed. `notify` holds where notices go: URLs as in `qwenq.notices.targets`.
    `csv_safe`, `bom`, `keep_columns` and `output_format` are as in `qwenq.exporting.FileStyle`.
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
    notify: tuple[str, ...] = ()
    on_failure_rate: Annotated[float | None, Field(ge=0, le=1)] = None


class Schedule(BaseModel):
    """A stored schedule. Times are UTC; `next_due_at` is the first due time without a run.

    A removed one has no name's claim any more, but its runs are kept until they are pruned.
    """

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
    removed_at: datetime | None = None


class ScheduleRun(BaseModel):
    """A run of a schedule. The counts are those of its ended job; None before.

    `notes` says what was found out about its inputs, a line each; None before they are read.
    `crashes` counts the processes that died while they read its inputs or, later, while they wrote its answers.
    `begun_by` is who began it by hand. `repeats_due_at` is the due time of the run that it repeats: its files are named
    after that. `deliveries` counts how often its answers were delivered, or failed to be; `deliver_at` is when they
    are delivered again.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    schedule_id: int
    due_at: datetime
    begun_by: str | None = None
    repeats_due_at: datetime | None = None
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
    deliveries: int = 0
    deliver_at: datetime | None = None

    @property
    def named_at(self) -> datetime:
        """The due time that its job and its files are named after."""
        return self.repeats_due_at or self.due_at

    @property
    def mark(self) -> str:
        """A unique name of the run, even if an earlier run, removed with its schedule, had the same id."""
        return f"{self.id}_{self.started_at or self.due_at:%Y%m%dT%H%M%S.%fZ}"

    @property
    def notice_keys(self) -> tuple[str, ...]:
        """The keys of the notices of its end, oldest first. Each stays the same at every attempt to send it."""
        return tuple(map(self.notice_key, range(1, max(1, self.deliveries) + 1)))

    def notice_key(self, delivery: int) -> str:
        """The key of the notice of its first delivery, or of a later one, which is another event."""
        return f"run_{self.mark}" + (f"_{delivery}" if delivery > 1 else "")


class ScheduleReport(BaseModel):
    """A schedule with its newest runs, newest first. `waits` says what a running run waits for, if anything."""

    model_config = ConfigDict(frozen=True)

    schedule: Schedule
    runs: tuple[ScheduleRun, ...]
    notices: tuple["NoticeStatus", ...] = ()
    waits: str | None = None


class MonthOfRuns(BaseModel):
    """The ended runs of a month, such as `2026-12` in the schedule's time zone, and what they took."""

    model_config = ConfigDict(frozen=True)

    month: str
    schedule: str
    runs: int = 0
    failed_runs: int = 0
    documents: int = 0
    reused: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    device_seconds: float = 0.0
    cost: float | None = None


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
    """A notice to send now; `attempt` counts from 1. It is signed with the secret of its `tenant`, if it has one."""

    id: int
    key: str
    url: str
    body: str
    attempt: int
    tenant: str | None = None


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
    """How a run ended. `deliver_at`: its answers could not be written, and are tried again then."""

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
    deliver_at: datetime | None = None
