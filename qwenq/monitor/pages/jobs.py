"""The page of all jobs: newest first, filtered as its address says."""

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
from qwenq.store.life.workers import ALIVE_SECONDS, models_alive
from qwenq.store.views.statuses import jobs_before, models_of_jobs
from qwenq.wording.workers import worker_command

PAGE_JOBS = 50
AN_EXAMPLE = "Qwen/Qwen3-0.6B"
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class JobsFound:
    """A page of jobs; `more`: there are older ones; `missing_workers`: commands that start them.

    `live_models` are those that a live worker has.
    """

    jobs: list[JobView]
    more: bool
    models: list[str]
    live_models: list[str]
    missing_workers: list[str]

    @property
    def first_submit(self) -> str:
        """A command that submits a job, for a model that is there if there is one."""
        model = next(iter(self.live_models), AN_EXAMPLE)
        return f"qwenq submit documents.jsonl --model {quote(model)} --prompt 'Summarise: {{{{ text }}}}'"

    @property
    def first_worker(self) -> str | None:
        """The command that starts a worker for that job; None where one is there."""
        return None if self.live_models else worker_command(AN_EXAMPLE)


class JobsPage(Page):
    """GET /jobs?state=&model=&name=&before=: each of them may be left out."""

    async def get(self) -> None:
        """Show a page of jobs."""
        wanted, before = self._wanted(), self._before()
        found = await self.application.reader.read(partial(find_jobs, wanted=wanted, before=before))
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
            raise HTTPError(400, f"There is no state {state}; there are {', '.join(JobState)}.")
        return JobFilter(
            state=JobState(state) if state else None,
            model=self.get_query_argument("model", "") or None,
            name=self.get_query_argument("name", "").replace("\0", "") or None,
        )

    def _before(self) -> int | None:
        given = self.get_query_argument("before", "")
        if not given:
            return None
        if not given.isdecimal() or len(given) > _MOST_DIGITS:
            raise HTTPError(400, "`before` is the number of a job.")
        return int(given)


def find_jobs(connection: Connection, wanted: JobFilter, before: int | None) -> JobsFound:
    """The page of jobs that fit, right before a job or from the newest on."""
    found = jobs_before(connection, wanted, before, PAGE_JOBS + 1)
    shown: list[JobStatus] = found[:PAGE_JOBS]
    live = models_alive(connection, ALIVE_SECONDS)
    views = [JobView(job, live) for job in shown]
    return JobsFound(
        jobs=views,
        more=len(found) > PAGE_JOBS,
        models=models_of_jobs(connection),
        live_models=sorted(live),
        missing_workers=sorted({view.missing_worker for view in views if view.missing_worker}),
    )


def _query(wanted: JobFilter, before: int | None) -> str:
    given = {"state": wanted.state, "model": wanted.model, "name": wanted.name, "before": before}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    return f"?{query}" if query else ""
