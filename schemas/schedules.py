"""A schedule: what is submitted when, and what is told of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qwenq.schemas.jobs import JobSpec
from qwenq.schemas.states import NoticeState, RunState, ScheduleState


class CatchUp(StrEnum):
    """What happens to due times that passed while nobody looked."""

    NONE = "none"
    LAST = "last"
    ALL = "all"


class Overlap(StrEnum):
    """What happens to a run that comes due while an earlier one of its schedule is unfinished."""

    SKIP = "skip"
    QUEUE = "queue"
    ALLOW = "allow"


class ScheduledRequest(BaseModel):
    """What each run submits. `inputs` are names, globs, folders and URLs, looked up anew each time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[str, ...]
    format: str | None = None
    sheet: str | None = None
    spec: JobSpec


class RunPolicy(BaseModel):
    """How runs follow each other, and what becomes of their answers.

    `output` may hold {schedule}, {date}, {time}, {run} and {job}. `on_failure_rate` is the share of failed documents
    above which a run has failed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    catch_up: CatchUp = CatchUp.LAST
    overlap: Overlap = Overlap.SKIP
    output: str
    errors: str | None = None
    webhook: str | None = None
    on_failure_rate: Annotated[float | None, Field(ge=0, le=1)] = None


class Schedule(BaseModel):
    """A schedule as it is stored. Times are UTC; `next_due_at` is the first due time that has no run yet."""

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
    """One run of a schedule. The counts are those of its job when that ended; None before."""

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
    error_code: str | None
    error_message: str | None

    @property
    def mark(self) -> str:
        """Tells the run from any other one, also from one that is gone with its schedule and had its id."""
        return f"{self.id}_{self.started_at or self.due_at:%Y%m%dT%H%M%S.%fZ}"

    @property
    def notice_key(self) -> str:
        """What names the notice of the run, whoever sends it and how often."""
        return f"run_{self.mark}"


class ScheduleReport(BaseModel):
    """A schedule with its newest runs, newest first. `waits` says what a run at work waits for, if it does."""

    model_config = ConfigDict(frozen=True)

    schedule: Schedule
    runs: tuple[ScheduleRun, ...]
    notices: tuple["NoticeStatus", ...] = ()
    waits: str | None = None


class NoticeStatus(BaseModel):
    """How a notice fares. `error` is why the last attempt failed."""

    model_config = ConfigDict(frozen=True)

    key: str
    url: str
    state: NoticeState
    attempts: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that is to be sent now; `attempt` counts from 1."""

    id: int
    key: str
    url: str
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run that a due time makes. With `skipped`, it is only noted, and says why it does not run."""

    due_at: datetime
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class HeldRun:
    """A run in the hands of this process, under the fence `holder`."""

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
