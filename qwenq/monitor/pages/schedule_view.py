"""Schedules and their runs as the pages show them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qwenq.schedules.commands import shown, waits
from qwenq.schedules.cron import local_time
from qwenq.schedules.tables import facts_of
from qwenq.schedules.troubles import why_failed
from qwenq.schemas.schedules import Schedule, ScheduleRun
from qwenq.schemas.states import RunState, ScheduleState
from qwenq.wording.numbers import counted, number

_SIGNS = {
    RunState.DUE: "…",
    RunState.RUNNING: "▶",
    RunState.SUCCEEDED: "✓",
    RunState.FAILED: "✗",
    RunState.SKIPPED: "-",
}
_WITHOUT_NAMES = ("due", "model", "catch-up", "overlap", "fails above", "priority")
"""Facts that name no file, no text and no person."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run of a schedule for a template. `with_text`: messages and names of files are shown."""

    run: ScheduleRun
    schedule: Schedule
    with_text: bool

    @property
    def sign(self) -> str:
        """Its state as one character: no colour alone tells it."""
        return _SIGNS[self.run.state]

    @property
    def due(self) -> str:
        """Its due time in the schedule's zone."""
        return local_time(self.schedule, self.run.due_at)

    @property
    def begun_by(self) -> str:
        """Who began it, and what it repeats."""
        by = self.run.begun_by or "the clock"
        repeated = self.run.repeats_due_at
        return by if repeated is None else f"{by}, repeats {local_time(self.schedule, repeated)}"

    @property
    def remark(self) -> str:
        """Why it failed, or where its answers are."""
        if not self.with_text:
            return self.run.error_code or ""
        return why_failed(self.run) or self.run.output or ""

    @property
    def in_words(self) -> str:
        """It in a sentence, for its cell in the grid."""
        counts = ""
        if self.run.documents is not None:
            failed = f", {number(self.run.failed)} failed" if self.run.failed else ""
            counts = f", {counted(self.run.documents, 'document')}{failed}"
        return f"Run {self.run.id}, due {self.due}: {self.run.state}{counts}"

    @property
    def actions(self) -> tuple[str, ...]:
        """What its state allows: some of `again`, `deliver`."""
        if self.schedule.removed_at is not None:
            return ()
        has_ended = self.run.finished_at is not None
        is_delivered = self.run.state in {RunState.SUCCEEDED, RunState.FAILED}
        allowed = {"again": has_ended, "deliver": is_delivered and self.run.job_id is not None}
        return tuple(action for action, given in allowed.items() if given)


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule for a template, with its newest runs, newest first. `live_models` are the models of live workers."""

    schedule: Schedule
    newest: Sequence[ScheduleRun]
    live_models: Collection[str]
    with_text: bool

    @property
    def state(self) -> str:
        """Whether it is active, paused or removed."""
        return "removed" if self.schedule.removed_at is not None else self.schedule.state

    @property
    def next_due(self) -> str:
        """When it is due next; a dash while it is not."""
        is_due = self.state == ScheduleState.ACTIVE
        return local_time(self.schedule, self.schedule.next_due_at) if is_due else "-"

    @property
    def runs(self) -> list[RunView]:
        """Its newest runs, newest first."""
        return [RunView(run, self.schedule, self.with_text) for run in self.newest]

    @property
    def grid(self) -> list[RunView]:
        """The same, oldest first."""
        return self.runs[::-1]

    @property
    def waits(self) -> str | None:
        """What a run that has begun waits for, if for a worker."""
        return waits(self.schedule, self.newest, self.live_models)

    @property
    def facts(self) -> dict[str, str]:
        """What it submits, in words; without text, only what names no file."""
        facts = facts_of(shown(self.schedule))
        return facts if self.with_text else {name: facts[name] for name in _WITHOUT_NAMES if name in facts}

    @property
    def actions(self) -> tuple[str, ...]:
        """What its state allows: some of `run`, `pause`, `resume`."""
        allowed = {ScheduleState.ACTIVE: ("run", "pause"), ScheduleState.PAUSED: ("run", "resume")}
        return () if self.state == "removed" else allowed[self.schedule.state]
