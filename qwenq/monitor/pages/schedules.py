"""The pages of schedules: all of them with a grid of their runs, and one with what it submits."""

from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.guard import OWNER
from qwenq.monitor.pages.page import Page
from qwenq.monitor.pages.schedule_form import Field, fields_of, mark_of
from qwenq.monitor.pages.schedule_view import ScheduleView
from qwenq.schemas.schedules import Schedule
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.schedules.runs import newest_runs, newest_runs_of_all
from qwenq.store.views.schedules.schedules import all_schedules, schedule_of_id

GRID_RUNS = 30
PAGE_RUNS = 50


class SchedulesPage(Page):
    """GET /schedules."""

    async def get(self) -> None:
        """Show all schedules."""
        find = partial(find_schedules, with_text=self.shows_text)
        self.show("schedules", found=await self.application.reader.read(find))


class SchedulePage(Page):
    """GET /schedules/<id>, also of a removed schedule."""

    async def get(self, schedule_id: str) -> None:
        """Show a schedule and its newest runs."""
        find = partial(find_schedule, schedule_id=int(schedule_id), with_text=self.shows_text)
        view = await self.application.reader.read(find)
        fields = self.fields_of(view.schedule)
        self.show("schedule", view=view, most=PAGE_RUNS, fields=fields, mark=mark_of(fields))

    def fields_of(self, schedule: Schedule) -> list[Field]:
        """The fields of the form that edits it. Who is signed in names files only within roots, which beat checks."""
        has_roots = bool(self.application.qwenq_settings.output_roots)
        with_files = has_roots or self.visitor is OWNER
        return fields_of(schedule, with_text=self.shows_text, with_files=with_files)


def find_schedules(connection: Connection, *, with_text: bool) -> list[ScheduleView]:
    """Read the schedules, by name, with their newest runs."""
    runs = newest_runs_of_all(connection, GRID_RUNS)
    live = models_alive(connection, ALIVE_SECONDS)
    return [ScheduleView(one, runs.get(one.id, ()), live, with_text) for one in all_schedules(connection)]


def find_schedule(connection: Connection, schedule_id: int, *, with_text: bool) -> ScheduleView:
    """Read one schedule. Raises HTTPError 404."""
    found = schedule_of_id(connection, schedule_id)
    if found is None:
        raise HTTPError(HTTPStatus.NOT_FOUND, "There is no such schedule.")
    runs = newest_runs(connection, found.id, PAGE_RUNS)
    return ScheduleView(found, runs, models_alive(connection, ALIVE_SECONDS), with_text)
