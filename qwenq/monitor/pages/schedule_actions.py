"""Buttons of schedules and their runs: posts that do what the commands do. Beat takes the steps of runs."""

from functools import partial

from qwenq.monitor.pages.page import Page
from qwenq.monitor.pages.schedules import find_schedule
from qwenq.schedules import by_hand, commands
from qwenq.schedules.tables import next_due
from qwenq.schemas.log.deeds import acting_as
from qwenq.schemas.settings import Settings


class ScheduleAction(Page):
    """POST /schedules/<id>/run, pause, resume or edit. The schedule's page then says what was done."""

    async def post(self, schedule_id: str, action: str) -> None:
        """Do it in a thread, because it calls the store."""
        find = partial(find_schedule, schedule_id=int(schedule_id), with_text=True)
        name = (await self.application.reader.read(find)).schedule.name
        settings = self.application.qwenq_settings
        if action == "edit":
            cron = " ".join(self.get_body_argument("cron", "").split())
            done = partial(_edit, name, cron, self.get_body_argument("timezone", "").strip(), settings)
        else:
            done = partial(_ACTIONS[action], name, settings)
        said = await self.application.reader.act(partial(acting_as, self.visitor.name, done))
        self.go(f"/schedules/{int(schedule_id)}", said)


class RunAction(Page):
    """POST /schedules/<id>/runs/<run>/again or deliver. The schedule's page then says what was done."""

    async def post(self, schedule_id: str, run_id: str, action: str) -> None:
        """Do it in a thread, because it calls the store."""
        find = partial(find_schedule, schedule_id=int(schedule_id), with_text=True)
        name = (await self.application.reader.read(find)).schedule.name
        done = partial(_RUN_ACTIONS[action], name, int(run_id), self.application.qwenq_settings)
        said = await self.application.reader.act(partial(acting_as, self.visitor.name, done))
        self.go(f"/schedules/{int(schedule_id)}", said)


def _run(name: str, settings: Settings) -> str:
    return f"Run {by_hand.ask_for_run(name, settings)} is due now; beat begins it within seconds."


def _pause(name: str, settings: Settings) -> str:
    commands.pause(name, settings)
    return "Paused: due times pass without a run. A run that has begun goes on."


def _resume(name: str, settings: Settings) -> str:
    return f"Resumed. The schedule is due {next_due(commands.resume(name, settings))}."


def _edit(name: str, cron: str, timezone: str, settings: Settings) -> str:
    return f"Changed. The schedule is due {next_due(commands.reschedule(name, cron, timezone, settings))}."


def _again(name: str, run_id: int, settings: Settings) -> str:
    begun = by_hand.ask_for_run(name, settings, run_id)
    return f"Run {begun} repeats run {run_id}; beat begins it within seconds."


def _deliver(name: str, run_id: int, settings: Settings) -> str:
    by_hand.ask_for_delivery_of(name, run_id, settings)
    return f"Beat writes the answers of run {run_id} anew within seconds."


_ACTIONS = {"run": _run, "pause": _pause, "resume": _resume}
_RUN_ACTIONS = {"again": _again, "deliver": _deliver}
