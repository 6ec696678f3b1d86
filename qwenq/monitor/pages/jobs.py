"""The page of all jobs, newest first, filtered by its address."""

from dataclasses import dataclass
from functools import partial
from shlex import quote
from urllib.parse import urlencode

from sqlalchemy import Connection
from tornado.web import HTTPError

from qwenq.monitor.pages.job_view import JobView
from qwenq.monitor.pages.page import Page
from qwenq.schemas.jobs import JobFilter, JobStatus
from qwenq.schemas.states import JobState
from qwenq.store.views.fleet.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.jobs.statuses import jobs_before, models_of_jobs
from qwenq.wording.workers import worker_command

PAGE_JOBS = 50
EXAMPLE_MODEL = "Qwen/Qwen3-0.6B"
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class JobsFound:
    """A page of jobs. `more`: older jobs follow. `live_models`: the models of live workers.

    `missing_workers`: commands that start a missing worker, by model.
    """

    jobs: list[JobView]
    more: bool
    models: list[str]
    live_models: list[str]
    missing_workers: dict[str, str]

    @property
    def first_submit(self) -> str:
        """An example of `qwenq submit`, with the model of a live worker if there is one."""
        model = next(iter(self.live_models), EXAMPLE_MODEL)
        return f"qwenq submit documents.jsonl --model {quote(model)} --prompt 'Summarise: {{{{ text }}}}'"

    @property
    def first_worker(self) -> str | None:
        """The command that starts a worker for that job; None if a live worker exists."""
        return None if self.live_models else worker_command(EXAMPLE_MODEL)


class JobsPage(Page):
    """GET /jobs?state=&model=&name=&before=. Each parameter is optional."""

    async def get(self) -> None:
        """Show a page of jobs."""
        wanted, before = self._wanted(), self._before()
        find = partial(find_jobs, wanted=wanted, before=before, with_names=self.shows_text)
        found = await self.application.reader.read(find)
        self.show(
            "jobs",
            found=found,
            wanted=wanted,
            before=before,
            here=f"/jobs{_query(wanted, before)}",
            older=f"/jobs{_query(wanted, found.jobs[-1].id)}" if found.more else None,
            newest=f"/jobs{_query(wanted, None)}",
            states=list(JobState),
        )

    def _wanted(self) -> JobFilter:
        state = self.get_query_argument("state", "")
        if state and state not in list(JobState):
            raise HTTPError(400, f"There is no state {state}; the states are {', '.join(JobState)}.")
        # A filter would tell whether a hidden name has a part.
        name = self.get_query_argument("name", "").replace("\0", "") if self.shows_text else ""
        return JobFilter(
            state=JobState(state) if state else None,
            model=self.get_query_argument("model", "") or None,
            name=name or None,
        )

    def _before(self) -> int | None:
        given = self.get_query_argument("before", "")
        if not given:
            return None
        if not given.isdecimal() or len(given) > _MOST_DIGITS:
            raise HTTPError(400, "`before` must be the id of a job.")
        return int(given)


def find_jobs(
    connection: Connection, wanted: JobFilter, before: int | None, *, with_names: bool
) -> JobsFound:
    """Read a page of jobs that pass the filter: from the newest, or from the one before a job."""
    found = jobs_before(connection, wanted, before, PAGE_JOBS + 1)
    shown: list[JobStatus] = found[:PAGE_JOBS]
    live = models_alive(connection, ALIVE_SECONDS)
    views = [JobView(job, live, with_names) for job in shown]
    return JobsFound(
        jobs=views,
        more=len(found) > PAGE_JOBS,
        models=models_of_jobs(connection),
        live_models=sorted(live),
        missing_workers={
            view.status.model: view.missing_worker
            for view in sorted(views, key=lambda view: view.status.model)
            if view.missing_worker
        },
    )


def _query(wanted: JobFilter, before: int | None) -> str:
    given = {"state": wanted.state, "model": wanted.model, "name": wanted.name, "before": before}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"?{query}" if query else ""
