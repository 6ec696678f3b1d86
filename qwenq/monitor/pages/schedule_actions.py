"""Buttons of schedules and their runs: posts that do what the commands do. Beat takes the steps of runs."""

from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus

from tornado.web import HTTPError

from qwenq.monitor.pages.page import Page
from qwenq.monitor.pages.schedule_form import Field, mark_of, read_form
from qwenq.monitor.pages.schedules import SchedulePage, find_schedule
from qwenq.schedules import by_hand, commands
from qwenq.schedules.tables import next_due
from qwenq.schemas.log.deeds import acting_as
from qwenq.schemas.schedules import Schedule
from qwenq.schemas.settings import Settings


class ScheduleAction(SchedulePage):
    """POST /schedules/<id>/run, pause, resume or edit. The schedule's page then says what was done."""

    async def post(self, schedule_id: str, action: str) -> None:
        """Do it in a thread, because it calls the store."""
        find = partial(find_schedule, schedule_id=int(schedule_id), with_text=True)
        schedule = (await self.application.reader.read(find)).schedule
        settings = self.application.qwenq_settings
        if action == "edit":
            given = {name: self.get_body_argument(name, strip=False) for name in self.request.body_arguments}
            done = partial(_edit, schedule, self.fields_of(schedule), given, settings)
        else:
            done = partial(_ACTIONS[action], schedule.name, settings)
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


def _edit(schedule: Schedule, fields: Sequence[Field], given: Mapping[str, str], settings: Settings) -> str:
    if given.get("mark") != mark_of(fields):
        raise HTTPError(HTTPStatus.CONFLICT, "The schedule was changed meanwhile: load its page again.")
    changes, unset = read_form(schedule, fields, given)
    if not changes and not unset:
        return "Nothing was changed."
    changed = commands.change(schedule.name, changes, unset, settings)
    return f"Changed. The schedule is due {next_due(changed)}."


def _again(name: str, run_id: int, settings: Settings) -> str:
    begun = by_hand.ask_for_run(name, settings, run_id)
    return f"Run {begun} repeats run {run_id}; beat begins it within seconds."


def _deliver(name: str, run_id: int, settings: Settings) -> str:
    by_hand.ask_for_delivery_of(name, run_id, settings)
    return f"Beat writes the answers of run {run_id} anew within seconds."


_ACTIONS = {"run": _run, "pause": _pause, "resume": _resume}
_RUN_ACTIONS = {"again": _again, "deliver": _deliver}
